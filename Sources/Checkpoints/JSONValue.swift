/// A JSON document in memory, for configurations and indices: at most 8 MB and 300,000 values.
public indirect enum JSONValue: Sendable, Hashable {
  case null
  case boolean(Bool)
  /// A number as it is written.
  case number(String)
  case text(String)
  case array([JSONValue])
  /// Keys in the order of the file; no two have the same bytes.
  case object([Member])

  /// One key with its value.
  public struct Member: Sendable, Hashable {
    /// The key.
    public let key: String
    /// Its value.
    public let value: JSONValue
  }

  /// Reads a file.
  /// - Throws: ``CheckpointError`` when it is not JSON, has a key twice or is too large.
  public static func read(_ path: String) throws -> JSONValue {
    try read(ByteSource.map(path).region, path)
  }

  /// Reads a text that stands in the file `path`.
  /// - Throws: as ``read(_:)``.
  public static func read(text: String, of path: String) throws -> JSONValue {
    let bytes = Array(text.utf8)
    let source = ByteSource.memory(path: path, count: bytes.count) {
      $0.copyBytes(from: bytes)
      return true
    }
    guard let source else {
      throw CheckpointError.damaged(path, expected: "a JSON text", found: "none")
    }
    return try read(source.region, path)
  }

  private static func read(_ region: Region, _ path: String) throws -> JSONValue {
    guard region.count <= 8_000_000 else {
      throw CheckpointError(
        .unsupported, file: path, expected: "a JSON file of at most 8 MB",
        found: "\(region.count) bytes", remedy: "check whether it is the right file")
    }
    var scanner = JSONScanner(region)
    var count = 0
    let value = try parse(&scanner, 0, &count)
    guard scanner.peek() == nil else { throw scanner.damaged("nothing behind the value") }
    return value
  }

  private static func parse(
    _ scanner: inout JSONScanner, _ depth: Int, _ count: inout Int
  ) throws -> JSONValue {
    count += 1
    guard depth < 64, count <= 300_000 else {
      throw scanner.damaged("at most 64 levels and 300,000 values")
    }
    switch scanner.peek() {
    case UInt8(ascii: "{"):
      var members: [Member] = []
      var seen: Set<[UInt8]> = []
      try scanner.object { scanner, key in
        guard seen.insert(Array(key.utf8)).inserted else {
          throw scanner.damaged("each key once", "\(key) twice")
        }
        members.append(Member(key: key, value: try parse(&scanner, depth + 1, &count)))
      }
      return .object(members)
    case UInt8(ascii: "["):
      var values: [JSONValue] = []
      try scanner.array { values.append(try parse(&$0, depth + 1, &count)) }
      return .array(values)
    case UInt8(ascii: "\""): return .text(try scanner.string())
    case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
      let word = try scanner.word()
      return word == "null" ? .null : .boolean(word == "true")
    default: return .number(try scanner.number())
    }
  }

  /// The value of a key; nil when there is none, or this is no object.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// The value as it is written, cut to a line.
  public var shown: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .number(let text): text
    case .text(let text): "\"\(CheckpointError.shown(text))\""
    case .array(let values): "an array of \(values.count)"
    case .object(let members): "an object of \(members.count) keys"
    }
  }
}
