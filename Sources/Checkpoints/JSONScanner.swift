/// Reads JSON (RFC 8259) strictly, piece by piece: no value is kept that the caller does not keep, nesting is bounded, a
/// number is a whole one or a fraction as it is written.
///
/// Foundation's reader takes the last of several equal keys, hides whether a number was written 4 or 4.0, and holds all of a
/// header of 100 MB as objects.
struct JSONScanner {
  private let region: Region
  private(set) var place = 0
  /// How deep arrays and objects may lie in each other.
  private static let depth = 64

  init(_ region: Region) { self.region = region }

  /// The next byte that is no space, without passing it; nil at the end.
  mutating func peek() -> UInt8? {
    while let byte = region.byte(place) {
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      place += 1
    }
    return nil
  }

  /// Passes one character of JSON's own.
  mutating func pass(_ character: Unicode.Scalar) throws {
    guard let byte = peek(), Unicode.Scalar(byte) == character else {
      throw damaged("'\(character)'")
    }
    place += 1
  }

  /// Whether the next character is this one; passes it if so.
  mutating func passes(_ character: Unicode.Scalar) -> Bool {
    guard let byte = peek(), Unicode.Scalar(byte) == character else { return false }
    place += 1
    return true
  }

  /// Calls `body` for each key of an object, behind its colon. `body` passes the value.
  mutating func object(_ body: (inout JSONScanner, String) throws -> Void) throws {
    try pass("{")
    if passes("}") { return }
    repeat {
      let key = try string()
      try pass(":")
      try body(&self, key)
    } while passes(",")
    try pass("}")
  }

  /// Calls `body` at each element of an array. `body` passes it.
  mutating func array(_ body: (inout JSONScanner) throws -> Void) throws {
    try pass("[")
    if passes("]") { return }
    repeat { try body(&self) } while passes(",")
    try pass("]")
  }

  /// A text. Invalid UTF-8, bare control characters and lone surrogates are damage.
  mutating func string() throws -> String {
    try pass("\"")
    var bytes: [UInt8] = []
    while true {
      guard let byte = region.byte(place) else { throw damaged("the end of a text") }
      place += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw damaged("text in UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try escape(&bytes)
      case 0..<0x20: throw damaged("a text without control characters")
      default: bytes.append(byte)
      }
    }
  }

  private mutating func escape(_ bytes: inout [UInt8]) throws {
    guard let byte = region.byte(place) else { throw damaged("an escaped character") }
    place += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
    case UInt8(ascii: "b"): bytes.append(8)
    case UInt8(ascii: "f"): bytes.append(12)
    case UInt8(ascii: "n"): bytes.append(10)
    case UInt8(ascii: "r"): bytes.append(13)
    case UInt8(ascii: "t"): bytes.append(9)
    case UInt8(ascii: "u"):
      var code = try unit()
      if 0xD800..<0xDC00 ~= code {
        guard region.byte(place) == UInt8(ascii: "\\"),
          region.byte(place + 1) == UInt8(ascii: "u")
        else { throw damaged("the second half of a surrogate pair") }
        place += 2
        let low = try unit()
        guard 0xDC00..<0xE000 ~= low else { throw damaged("the second half of a surrogate pair") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw damaged("a character") }
      bytes += Array(String(Character(scalar)).utf8)
    default: throw damaged("an escaped character")
    }
  }

  /// Four hexadecimal digits.
  private mutating func unit() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = region.byte(place),
        let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { throw damaged("four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      place += 1
    }
    return value
  }

  /// A number as it is written.
  mutating func number() throws -> String {
    _ = peek()
    let start = place
    func byte(_ place: Int) -> UInt8 { region.byte(place) ?? 0 }
    func digits(_ from: Int) -> Int {
      var end = from
      while 0x30...0x39 ~= byte(end) { end += 1 }
      return end
    }
    var end = place + (byte(place) == UInt8(ascii: "-") ? 1 : 0)
    let whole = digits(end)
    guard whole > end, byte(end) != 0x30 || whole == end + 1 else { throw damaged("a number") }
    end = whole
    if byte(end) == UInt8(ascii: ".") {
      let fraction = digits(end + 1)
      guard fraction > end + 1 else { throw damaged("digits behind the point") }
      end = fraction
    }
    if byte(end) | 0x20 == UInt8(ascii: "e") {
      let sign = byte(end + 1)
      let from = end + (sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") ? 2 : 1)
      let exponent = digits(from)
      guard exponent > from else { throw damaged("digits of an exponent") }
      end = exponent
    }
    guard end - start <= 400, let text = region.slice(start, end - start)?.text else {
      throw damaged("a number of at most 400 characters")
    }
    place = end
    return text
  }

  /// A whole number that is not negative, written without point or exponent.
  mutating func count(_ what: String) throws -> Int {
    let text = try number()
    guard let value = Int(text), value >= 0, !text.hasPrefix("-") else {
      throw damaged("\(what) that is a whole number", text)
    }
    return value
  }

  /// Passes `true`, `false` or `null`.
  mutating func word() throws -> String {
    for word in ["true", "false", "null"] {
      if peek() != nil, region.slice(place, word.utf8.count)?.text == word {
        place += word.utf8.count
        return word
      }
    }
    throw damaged("a value")
  }

  /// Passes any value.
  mutating func skip(depth: Int = 0) throws {
    guard depth < Self.depth else { throw damaged("at most \(Self.depth) levels") }
    switch peek() {
    case UInt8(ascii: "{"): try object { scanner, _ in try scanner.skip(depth: depth + 1) }
    case UInt8(ascii: "["): try array { try $0.skip(depth: depth + 1) }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try word()
    default: _ = try number()
    }
  }

  /// What is refused at this place.
  func damaged(_ expected: String, _ found: String? = nil) -> CheckpointError {
    let here = region.byte(place).map { byte in
      0x21..<0x7F ~= byte ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
    }
    return CheckpointError.damaged(
      region.source.path, expected: "\(expected) at byte \(region.offset + place)",
      found: found.map { CheckpointError.shown($0) } ?? here ?? "the end")
  }
}
