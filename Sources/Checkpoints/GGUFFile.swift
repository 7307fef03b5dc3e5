import Arrays

/// GGUF, versions 2 and 3 (ggml's docs/gguf.md): key-values, tensor infos, aligned values. Lengths are stored innermost first
/// and turned around here. Quantised tensors are listed by the name of their type and refused when read.
enum GGUFFile {
  /// ggml's types: what they are called, elements and bytes of a block.
  private static let types: [UInt32: (TensorType, elements: Int, bytes: Int)] = [
    0: (.number(.float32), 1, 4), 1: (.number(.float16), 1, 2), 24: (.number(.int8), 1, 1),
    25: (.number(.int16), 1, 2), 26: (.number(.int32), 1, 4), 27: (.number(.int64), 1, 8),
    28: (.number(.float64), 1, 8), 30: (.number(.bfloat16), 1, 2),
    2: (.unreadable("quantised Q4_0"), 32, 18), 3: (.unreadable("quantised Q4_1"), 32, 20),
    6: (.unreadable("quantised Q5_0"), 32, 22), 7: (.unreadable("quantised Q5_1"), 32, 24),
    8: (.unreadable("quantised Q8_0"), 32, 34), 9: (.unreadable("quantised Q8_1"), 32, 36),
    10: (.unreadable("quantised Q2_K"), 256, 84), 11: (.unreadable("quantised Q3_K"), 256, 110),
    12: (.unreadable("quantised Q4_K"), 256, 144), 13: (.unreadable("quantised Q5_K"), 256, 176),
    14: (.unreadable("quantised Q6_K"), 256, 210), 15: (.unreadable("quantised Q8_K"), 256, 292),
    16: (.unreadable("quantised IQ2_XXS"), 256, 66), 17: (.unreadable("quantised IQ2_XS"), 256, 74),
    18: (.unreadable("quantised IQ3_XXS"), 256, 98), 19: (.unreadable("quantised IQ1_S"), 256, 50),
    20: (.unreadable("quantised IQ4_NL"), 32, 18), 21: (.unreadable("quantised IQ3_S"), 256, 110),
    22: (.unreadable("quantised IQ2_S"), 256, 82), 23: (.unreadable("quantised IQ4_XS"), 256, 136),
    29: (.unreadable("quantised IQ1_M"), 256, 56), 34: (.unreadable("quantised TQ1_0"), 256, 54),
    35: (.unreadable("quantised TQ2_0"), 256, 66), 39: (.unreadable("quantised MXFP4"), 32, 17),
  ]

  private struct Entry {
    let info: TensorInfo
    let offset: Int
    let bytes: Int
  }

  static func open(_ source: ByteSource) throws -> StoredTensorFile {
    let path = source.path
    var cursor = ByteCursor(source.region)
    _ = try cursor.take(4)
    let version = try cursor.integer(UInt32.self)
    guard 2...3 ~= version else {
      throw CheckpointError(
        .unsupported, file: path, expected: "GGUF version 2 or 3, little endian",
        found: "version \(version)", remedy: "convert it with a newer llama.cpp")
    }
    let count = try cursor.length("a number of tensors")
    let keys = try cursor.length("a number of keys")
    guard count <= Limits.tensors, keys <= Limits.tensors else {
      throw CheckpointError.damaged(
        path, expected: "at most \(Limits.tensors) tensors and keys", found: "\(count) and \(keys)")
    }
    let alignment = try skipKeys(&cursor, keys)
    var entries: [Entry] = []
    for _ in 0..<count { entries.append(try entry(&cursor, alignment)) }
    let start = (cursor.place + alignment - 1) / alignment * alignment
    let data = source.region.slice(start, source.count - start)
    var file = StoredTensorFile(path: path, format: .gguf)
    try checkOverlap(entries, path)
    for entry in entries {
      guard
        let slice = entry.bytes == 0
          ? source.region.slice(0, 0) : data?.slice(entry.offset, entry.bytes)
      else {
        throw CheckpointError.damaged(
          path, tensor: entry.info.name, expected: "\(entry.bytes) bytes of values",
          found: "the end of the file; it may be cut short")
      }
      try file.add(try StoredTensor(entry.info, in: slice))
    }
    return file
  }

  private static func checkOverlap(_ entries: [Entry], _ path: String) throws {
    var place = 0
    for entry in entries.sorted(by: { $0.offset < $1.offset }) where entry.bytes > 0 {
      let (end, overflow) = entry.offset.addingReportingOverflow(entry.bytes)
      guard entry.offset >= place, !overflow else {
        throw CheckpointError.damaged(
          path, tensor: entry.info.name, expected: "values from byte \(place) on",
          found: "byte \(entry.offset), over another tensor")
      }
      place = end
    }
  }

  private static func entry(_ cursor: inout ByteCursor, _ alignment: Int) throws -> Entry {
    let path = cursor.region.source.path
    let name = try text(&cursor)
    let rank = try cursor.integer(UInt32.self)
    guard rank <= 4 else {
      throw CheckpointError.damaged(
        path, tensor: name, expected: "at most 4 axes", found: "\(rank)")
    }
    var shape: [Int] = []
    for _ in 0..<rank { shape.append(try cursor.length("a length")) }
    let number = try cursor.integer(UInt32.self)
    let offset = try cursor.length("an offset")
    guard let type = types[number] else {
      throw CheckpointError(
        .unsupported, file: path, tensor: name, expected: "a type of ggml", found: "type \(number)",
        remedy: "convert the checkpoint to float16 or float32")
    }
    let innermost = shape.first ?? 1
    guard let info = TensorInfo(name: name, shape: shape.reversed(), type: type.0),
      innermost % type.elements == 0
    else {
      throw CheckpointError.damaged(
        path, tensor: name, expected: "rows of whole blocks of \(type.0)", found: "\(shape)")
    }
    let (bytes, overflow) = (info.count / type.elements).multipliedReportingOverflow(by: type.bytes)
    guard !overflow, offset % alignment == 0 else {
      throw CheckpointError.damaged(
        path, tensor: name, expected: "values that begin on \(alignment) bytes", found: "\(offset)")
    }
    return Entry(info: info, offset: offset, bytes: bytes)
  }

  // MARK: - Keys

  /// Passes all keys; gives the alignment of values.
  private static func skipKeys(_ cursor: inout ByteCursor, _ count: Int) throws -> Int {
    var alignment = 32
    for _ in 0..<count {
      let key = try text(&cursor)
      let type = try cursor.integer(UInt32.self)
      if key == "general.alignment", type == 4 {
        alignment = Int(try cursor.integer(UInt32.self))
        guard alignment >= 8, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
          throw CheckpointError.damaged(
            cursor.region.source.path, expected: "an alignment that is a power of two",
            found: "\(alignment)")
        }
      } else {
        try skip(&cursor, type, depth: 0)
      }
    }
    return alignment
  }

  private static func text(_ cursor: inout ByteCursor) throws -> String {
    try cursor.text(try cursor.length("a length of text"))
  }

  private static func skip(_ cursor: inout ByteCursor, _ type: UInt32, depth: Int) throws {
    if let size = size(type) { return _ = try cursor.take(size) }
    switch type {
    case 8: _ = try cursor.take(try cursor.length("a length of text"))
    case 9 where depth < 4:
      let inner = try cursor.integer(UInt32.self)
      let count = try cursor.length("a length of an array")
      if let size = size(inner) {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        _ = try cursor.take(overflow ? Int.max : bytes)
      } else {
        // Each element takes eight bytes at least, so the loop ends with the file.
        for _ in 0..<count { try skip(&cursor, inner, depth: depth + 1) }
      }
    default:
      throw CheckpointError.damaged(
        cursor.region.source.path, expected: "a value of a type of GGUF", found: "type \(type)")
    }
  }

  private static func size(_ type: UInt32) -> Int? {
    switch type {
    case 0, 1, 7: 1
    case 2, 3: 2
    case 4, 5, 6: 4
    case 10, 11, 12: 8
    default: nil
    }
  }
}
