/// Fields of a protocol-buffers message (encoding.md), one after the other. Groups, long out of use, are refused.
struct ProtobufReader {
  /// What a field holds.
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(Region)

    /// The number of a varint, read as signed.
    var integer: Int? {
      if case .varint(let bits) = self { Int(Int64(bitPattern: bits)) } else { nil }
    }

    /// The bytes of a field with a length.
    var region: Region? { if case .bytes(let region) = self { region } else { nil } }
  }

  private var cursor: ByteCursor

  /// A reader of the message in a region.
  init(_ region: Region) { cursor = ByteCursor(region) }

  /// The next field; nil at the end.
  mutating func next() throws -> (number: Int, value: Value)? {
    if cursor.isAtEnd { return nil }
    let tag = try Self.varint(&cursor)
    let number = Int(tag >> 3 & 0x1FFF_FFFF)
    guard number > 0, tag >> 32 == 0 else { throw damaged("a field number", "\(tag >> 3)") }
    switch tag & 7 {
    case 0: return (number, .varint(try Self.varint(&cursor)))
    case 1: return (number, .fixed64(try cursor.integer(UInt64.self)))
    case 2:
      guard let count = Int(exactly: try Self.varint(&cursor)) else {
        throw damaged("a length", "more than 2^63")
      }
      return (number, .bytes(try cursor.take(count)))
    case 5: return (number, .fixed32(try cursor.integer(UInt32.self)))
    default: throw damaged("a field of protocol buffers", "wire type \(tag & 7)")
    }
  }

  /// A number of seven bits a byte, least significant first.
  static func varint(_ cursor: inout ByteCursor) throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      let byte = try cursor.byte()
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw CheckpointError.damaged(
      cursor.region.source.path, expected: "a number of at most 10 bytes", found: "a longer one")
  }

  private func damaged(_ expected: String, _ found: String) -> CheckpointError {
    CheckpointError.damaged(
      cursor.region.source.path,
      expected: "\(expected) at byte \(cursor.region.offset + cursor.place)", found: found)
  }
}
