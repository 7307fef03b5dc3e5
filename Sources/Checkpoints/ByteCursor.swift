/// Walks through a region; whatever would reach beyond its end throws.
struct ByteCursor {
  /// What is walked through.
  let region: Region
  /// Where the next read begins.
  private(set) var place = 0

  /// A cursor at the region's first byte.
  init(_ region: Region) { self.region = region }

  /// Bytes that are left.
  var left: Int { region.count - place }
  /// Whether everything was read.
  var isAtEnd: Bool { left == 0 }

  /// The next byte.
  mutating func byte() throws -> UInt8 {
    guard let byte = region.byte(place) else { throw end(1) }
    place += 1
    return byte
  }

  /// The next number, least significant byte first.
  mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
    guard let value = region.integer(place, type) else { throw end(MemoryLayout<Number>.size) }
    place += MemoryLayout<Number>.size
    return value
  }

  /// The next unsigned 64-bit number, where one that no `Int` holds is damage.
  mutating func length(_ what: String) throws -> Int {
    let value = try integer(UInt64.self)
    guard let length = Int(exactly: value) else {
      throw CheckpointError.damaged(
        region.source.path, expected: "\(what) that fits the file", found: "\(value)")
    }
    return length
  }

  /// The next `count` bytes.
  mutating func take(_ count: Int) throws -> Region {
    guard let slice = region.slice(place, count) else { throw end(count) }
    place += count
    return slice
  }

  /// The next `count` bytes as text.
  mutating func text(_ count: Int) throws -> String {
    let at = place
    guard let text = try take(count).text else {
      throw CheckpointError.damaged(
        region.source.path, expected: "UTF-8 text at byte \(region.offset + at)",
        found: "other bytes")
    }
    return text
  }

  /// Text up to the next line feed, which is passed; at most `limit` bytes.
  mutating func line(_ limit: Int) throws -> String {
    var count = 0
    while count <= limit, let byte = region.byte(place + count), byte != 10 { count += 1 }
    guard count <= limit, region.byte(place + count) != nil else { throw end(count + 1) }
    let text = try text(count)
    place += 1
    return text
  }

  private func end(_ count: Int) -> CheckpointError {
    CheckpointError.damaged(
      region.source.path, expected: "\(count) more bytes at byte \(region.offset + place)",
      found: "\(left)")
  }
}
