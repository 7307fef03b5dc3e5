import Arrays

/// The safetensors format: the length of a JSON header (64 bits, little endian), the header, the values.
/// https://huggingface.co/docs/safetensors
///
/// As strict as the format's own text, and so in two places stricter than its reference implementation: a key that is there
/// twice, and a space before the header, are refused.
enum SafetensorsFile {
  /// The format's own bound.
  private static let headerLimit = 100_000_000

  private struct Entry {
    let name: String
    let type: (TensorType, bits: Int)
    let shape: [Int]
    let start: Int
    let end: Int
  }

  static func open(_ source: ByteSource) throws -> StoredTensorFile {
    let (region, path) = (source.region, source.path)
    guard let stated = region.integer(0, UInt64.self) else {
      throw CheckpointError.damaged(
        path, expected: "the 8 bytes of a header's length", found: "\(region.count) bytes")
    }
    guard stated <= UInt64(headerLimit), let header = region.slice(8, Int(stated)) else {
      throw CheckpointError.damaged(
        path, expected: "a header of at most \(min(headerLimit, max(region.count - 8, 0))) bytes",
        found: "one of \(stated)")
    }
    guard header.byte(0) == UInt8(ascii: "{") else {
      throw CheckpointError.damaged(
        path, expected: "'{' at the header's first byte",
        found: header.byte(0).map { "byte \($0)" } ?? "nothing")
    }
    let data = Region(
      source: region.source, offset: 8 + header.count, count: region.count - 8 - header.count)
    var file = StoredTensorFile(path: path, format: .safetensors)
    for entry in try ordered(entries(header), data.count, path) {
      guard let info = TensorInfo(name: entry.name, shape: entry.shape, type: entry.type.0),
        let bytes = byteCount(entry), let slice = data.slice(entry.start, bytes)
      else { throw wrongShape(path, entry) }
      guard bytes == entry.end - entry.start else { throw wrongShape(path, entry) }
      try file.add(try StoredTensor(info, in: slice))
    }
    return file
  }

  private static func wrongShape(_ path: String, _ entry: Entry) -> CheckpointError {
    CheckpointError.damaged(
      path, tensor: entry.name,
      expected: "as many bytes as the shape \(entry.shape) of \(entry.type.0) takes",
      found: "\(entry.end - entry.start)")
  }

  /// Nil when a product does not fit, or ends within a byte.
  private static func byteCount(_ entry: Entry) -> Int? {
    var bits = entry.type.bits
    for length in entry.shape {
      let (next, overflow) = bits.multipliedReportingOverflow(by: length)
      if overflow { return nil }
      bits = next
    }
    return bits % 8 == 0 ? bits / 8 : nil
  }

  private static func entries(_ header: Region) throws -> [Entry] {
    var entries: [Entry] = []
    var hasMetadata = false
    var scanner = JSONScanner(header)
    try scanner.object { scanner, key in
      if key == "__metadata__" {
        guard !hasMetadata else { throw scanner.damaged("__metadata__ once", "it twice") }
        hasMetadata = true
        var seen: Set<[UInt8]> = []
        try scanner.object { scanner, key in
          guard seen.count < 10_000, seen.insert(Array(key.utf8)).inserted else {
            throw scanner.damaged("at most 10,000 metadata keys, each once", key)
          }
          guard scanner.peek() == UInt8(ascii: "\"") else {
            throw scanner.damaged("metadata that is text")
          }
          _ = try scanner.string()
        }
        return
      }
      guard entries.count < Limits.tensors else {
        throw scanner.damaged("at most \(Limits.tensors) tensors", "more")
      }
      entries.append(try entry(key, &scanner))
    }
    // Padding: spaces, so that the values begin on eight bytes.
    guard scanner.peek() == nil else { throw scanner.damaged("spaces behind the header") }
    return entries
  }

  private static func entry(_ name: String, _ scanner: inout JSONScanner) throws -> Entry {
    var type: (TensorType, bits: Int)?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { scanner, key in
      func once(_ isNew: Bool) throws {
        guard isNew else { throw scanner.damaged("\(key) once", "it twice in \(name)") }
      }
      switch key {
      case "dtype":
        try once(type == nil)
        let text = try scanner.string()
        guard let known = types[text] else {
          throw scanner.damaged("a type of the format", text)
        }
        type = known
      case "shape":
        try once(shape == nil)
        var lengths: [Int] = []
        try scanner.array {
          lengths.append(try $0.count("a length"))
          guard lengths.count <= Limits.rank else {
            throw $0.damaged("at most \(Limits.rank) axes", "more")
          }
        }
        shape = lengths
      case "data_offsets":
        try once(offsets == nil)
        var places: [Int] = []
        try scanner.array {
          places.append(try $0.count("an offset"))
          guard places.count <= 2 else { throw $0.damaged("two offsets", "more") }
        }
        offsets = places
      default: try scanner.skip()
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2 else {
      throw scanner.damaged("dtype, shape and two data_offsets", "less in \(name)")
    }
    return Entry(name: name, type: type, shape: shape, start: offsets[0], end: offsets[1])
  }

  /// Entries by their place, when they tile the values without hole, overlap or rest.
  private static func ordered(_ entries: [Entry], _ count: Int, _ path: String) throws -> [Entry] {
    let ordered = entries.sorted { ($0.start, $0.end) < ($1.start, $1.end) }
    var place = 0
    for entry in ordered {
      guard entry.start == place, entry.end >= place else {
        throw CheckpointError.damaged(
          path, tensor: entry.name, expected: "values from byte \(place) of the buffer on",
          found: "bytes \(entry.start) to \(entry.end)")
      }
      place = entry.end
    }
    guard place == count else {
      throw CheckpointError.damaged(
        path, expected: "\(place) bytes of values, as the header says", found: "\(count)")
    }
    return ordered
  }

  private static let types: [String: (TensorType, bits: Int)] = [
    "BOOL": (.boolean, 8), "U8": (.number(.uint8), 8), "I8": (.number(.int8), 8),
    "U16": (.number(.uint16), 16), "I16": (.number(.int16), 16),
    "U32": (.number(.uint32), 32), "I32": (.number(.int32), 32),
    "U64": (.number(.uint64), 64), "I64": (.number(.int64), 64),
    "F16": (.number(.float16), 16), "BF16": (.number(.bfloat16), 16),
    "F32": (.number(.float32), 32), "F64": (.number(.float64), 64),
    "F8_E5M2": (.unreadable("F8_E5M2"), 8), "F8_E4M3": (.unreadable("F8_E4M3"), 8),
    "F8_E8M0": (.unreadable("F8_E8M0"), 8), "F6_E2M3": (.unreadable("F6_E2M3"), 6),
    "F6_E3M2": (.unreadable("F6_E3M2"), 6), "F4": (.unreadable("F4"), 4),
    "C64": (.unreadable("C64"), 64),
  ]
}
