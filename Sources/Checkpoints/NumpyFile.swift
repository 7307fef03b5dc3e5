import Arrays

/// NumPy's `.npy` and `.npz` (numpy.lib.format, versions 1 to 3): either byte order, C or Fortran order. Arrays of Python
/// objects, which are pickles, are refused; so are text and records.
enum NumpyFile {
  static func openArray(_ source: ByteSource) throws -> StoredTensorFile {
    var file = StoredTensorFile(path: source.path, format: .numpy)
    try file.add(try tensor("array", source.region, source.path) { $0 })
    return file
  }

  static func openArchive(_ archive: ZipArchive) throws -> StoredTensorFile {
    var file = StoredTensorFile(path: archive.path, format: .numpyArchive)
    for member in archive.members {
      guard member.name.hasSuffix(".npy") else {
        throw CheckpointError.damaged(
          archive.path, expected: "members .npy in an npz file",
          found: CheckpointError.shown(member.name))
      }
      let bytes = try archive.bytes(member)
      let isDeflated = member.isDeflated
      // What was unpacked goes; it is unpacked again when values are read.
      try file.add(
        try tensor(String(member.name.dropLast(4)), bytes, archive.path) { region in
          isDeflated ? nil : region
        } again: {
          try archive.bytes(member)
        })
    }
    return file
  }

  private static func tensor(
    _ name: String, _ region: Region, _ path: String, _ kept: (Region) -> Region?,
    again: @escaping @Sendable () throws -> Region = { throw Stale() }
  ) throws -> StoredTensor {
    let (header, start) = try NumpyHeader.read(region, name, path)
    guard let info = TensorInfo(name: name, shape: header.shape, type: header.type),
      let byteCount = info.byteCount ?? header.size.map({ $0 * info.count })
    else {
      throw CheckpointError.damaged(
        path, tensor: name, expected: "a shape whose size is a number", found: "\(header.shape)")
    }
    guard region.count - start == byteCount, let values = region.slice(start, byteCount) else {
      throw CheckpointError.damaged(
        path, tensor: name, expected: "\(byteCount) bytes of values of shape \(header.shape)",
        found: "\(region.count - start)")
    }
    var strides: [Int]?
    if header.isFortranOrder {
      var step = 1
      strides = header.shape.map { length in
        defer { step *= max(length, 1) }
        return step
      }
    }
    if let open = kept(values) {
      return try StoredTensor(info, in: open, strides: strides, isBigEndian: header.isBigEndian)
    }
    return try StoredTensor(
      info, byteCount: byteCount, path: path, strides: strides, isBigEndian: header.isBigEndian
    ) {
      guard let values = try again().slice(start, byteCount) else { throw Stale() }
      return values
    }
  }

  /// Bytes that were there when the file was opened are not any more.
  private struct Stale: Error, CustomStringConvertible {
    var description: String { "the file changed while it was read" }
  }
}

/// The header of an `.npy` file: a Python dictionary with three keys.
struct NumpyHeader {
  private(set) var type = TensorType.boolean
  /// Bytes of an element.
  private(set) var size: Int?
  private(set) var isBigEndian = false
  private(set) var isFortranOrder = false
  private(set) var shape: [Int] = []

  /// The header, and where the values begin.
  static func read(_ region: Region, _ name: String, _ path: String) throws -> (NumpyHeader, Int) {
    func damaged(_ expected: String, _ found: String) -> CheckpointError {
      CheckpointError.damaged(
        path, tensor: name, expected: expected, found: CheckpointError.shown(found))
    }
    guard region.starts(with: [0x93] + Array("NUMPY".utf8)), let major = region.byte(6),
      1...3 ~= major
    else { throw damaged("an npy array of version 1 to 3", "other bytes") }
    let (count, start): (Int?, Int) =
      major == 1
      ? (region.integer(8, UInt16.self).map { Int($0) }, 10)
      : (region.integer(8, UInt32.self).map { Int($0) }, 12)
    // NumPy itself refuses headers of more than 10,000 bytes.
    guard let count, count <= 10_000, let header = region.slice(start, count),
      let text = header.text
    else { throw damaged("an npy header of at most 10,000 bytes", "none") }
    var parser = NumpyHeaderParser(text)
    guard let header = parser.header() else {
      throw damaged("{'descr', 'fortran_order', 'shape'}", text)
    }
    guard header.type != nil else {
      let isObject = header.descriptor.contains("O")
      throw CheckpointError(
        isObject ? .forbidden : .unsupported, file: path, tensor: name,
        expected: "an array of numbers or booleans",
        found: isObject
          ? "Python objects, which only a program could read"
          : CheckpointError.shown(header.descriptor),
        remedy: "save it as an array of numbers")
    }
    return (NumpyHeader(header), start + count)
  }

  private init(_ parsed: NumpyHeaderParser.Header) {
    (type, size) = parsed.type ?? (.boolean, 1)
    isBigEndian = parsed.descriptor.hasPrefix(">")
    (isFortranOrder, shape) = (parsed.isFortranOrder, parsed.shape)
  }
}

/// Reads exactly what NumPy writes: no expression is evaluated.
private struct NumpyHeaderParser {
  struct Header {
    var descriptor = ""
    var isFortranOrder = false
    var shape: [Int] = []

    /// Nil for a type that is no number.
    var type: (TensorType, Int?)? {
      guard let order = descriptor.first, "<>|=".contains(order) else { return nil }
      switch descriptor.dropFirst() {
      case "b1", "?": return (.boolean, 1)
      case "i1": return (.number(.int8), 1)
      case "u1": return (.number(.uint8), 1)
      case "i2": return (.number(.int16), 2)
      case "u2": return (.number(.uint16), 2)
      case "i4": return (.number(.int32), 4)
      case "u4": return (.number(.uint32), 4)
      case "i8": return (.number(.int64), 8)
      case "u8": return (.number(.uint64), 8)
      case "f2": return (.number(.float16), 2)
      case "f4": return (.number(.float32), 4)
      case "f8": return (.number(.float64), 8)
      case "c8": return (.unreadable("complex64"), 8)
      case "c16": return (.unreadable("complex128"), 16)
      default: return nil
      }
    }
  }

  private let bytes: [UInt8]
  private var place = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  /// Nil when it is not such a dictionary.
  mutating func header() -> Header? {
    var header = Header()
    var keys: Set<String> = []
    guard pass("{") else { return nil }
    while !pass("}") {
      guard let key = text(), keys.insert(key).inserted, pass(":") else { return nil }
      switch key {
      case "descr":
        guard let value = text() ?? other() else { return nil }
        header.descriptor = value
      case "fortran_order":
        if word("True") {
          header.isFortranOrder = true
        } else if !word("False") {
          return nil
        }
      case "shape":
        guard let value = tuple() else { return nil }
        header.shape = value
      default: return nil
      }
      guard pass(",") || peek() == UInt8(ascii: "}") else { return nil }
    }
    return keys.count == 3 && peek() == nil ? header : nil
  }

  private mutating func peek() -> UInt8? {
    while place < bytes.count, bytes[place] == 0x20 || bytes[place] == 0x0A { place += 1 }
    return place < bytes.count ? bytes[place] : nil
  }

  private mutating func pass(_ character: Unicode.Scalar) -> Bool {
    guard let byte = peek(), Unicode.Scalar(byte) == character else { return false }
    place += 1
    return true
  }

  private mutating func word(_ word: String) -> Bool {
    guard peek() != nil, bytes[place...].starts(with: word.utf8) else { return false }
    place += word.utf8.count
    return true
  }

  private mutating func text() -> String? {
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
      let end = bytes[(place + 1)...].firstIndex(of: quote)
    else { return nil }
    defer { place = end + 1 }
    return String(validating: bytes[(place + 1)..<end], as: UTF8.self)
  }

  /// A list, as records are described: passed over, to be named and refused.
  private mutating func other() -> String? {
    guard peek() == UInt8(ascii: "["), let end = bytes[place...].lastIndex(of: UInt8(ascii: "]"))
    else { return nil }
    defer { place = end + 1 }
    return String(validating: bytes[place...end], as: UTF8.self)
  }

  private mutating func tuple() -> [Int]? {
    guard pass("(") else { return nil }
    var values: [Int] = []
    while !pass(")") {
      guard values.count <= Limits.rank, let first = peek() else { return nil }
      var digits = [first]
      place += 1
      while place < bytes.count, 0x30...0x39 ~= bytes[place] {
        digits.append(bytes[place])
        place += 1
      }
      guard 0x30...0x39 ~= first, let text = String(validating: digits, as: UTF8.self),
        let value = Int(text)
      else { return nil }
      values.append(value)
      // Python 2 wrote long numbers with an L.
      if place < bytes.count, bytes[place] == UInt8(ascii: "L") { place += 1 }
      guard pass(",") || peek() == UInt8(ascii: ")") else { return nil }
    }
    return values
  }
}
