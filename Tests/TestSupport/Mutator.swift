import Foundation

/// Makes bad input out of good, the same from the same seed.
public struct Mutator {
  private var choice: SeededChoice

  /// Mutations that `seed` decides.
  public init(seed: UInt64) { choice = SeededChoice(seed &* 0x9E37_79B9_7F4A_7C15 &+ 1) }

  /// A number from 0 to one below `count`.
  public mutating func below(_ count: Int) -> Int { choice.below(count) }

  /// One of the items, of which there must be some.
  public mutating func pick<Item>(_ items: [Item]) -> Item { choice.pick(items) }

  /// Values that parsers stumble over.
  public static let nasty: [String] =
    [
      "", " ", "-", "--", "-1", "0", "1", "NaN", "nan", "inf", "-inf", "1e400", "-1e400", "1e-400",
      "0x10",
      "1_000", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
      "18446744073709551616", "1e18", "1e19", "4294967296", "2147483648", "65536", "1048576", "1.5",
      ".5",
      "+1", "01", "true", "null", "~", "[]", "{}", "[1, 2]", "[[[[[[[[", "{a: {b: c}}", "&a [*a]",
      "*a",
      "!!int x", "'", "\"", "\u{FEFF}", "\u{0}", "\u{1B}[31m", "a\nb", "a\r\nb", "\t", "é", "👩‍👩‍👧‍👦",
      "\u{202E}x",
      "*", "**", "a*b*c", "%s%n%d", "../..", "/", ".", "..", "~", "$(x)", "=", ".=1", "a..b=1",
      "=1",
      "a=", "a.b.c.d=1", ",", ",,", ":", ":/", "/:/", "x:/y", "kind,kind", "path,path",
    ] + long

  private static let long: [String] = [
    String(repeating: "xy", count: 2500), String(repeating: "[", count: 3000),
    String(repeating: "9", count: 400),
  ]

  /// A text with one to four mistakes: bytes, lines, values, layout.
  public mutating func mutated(_ text: String) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0...below(4) { mutate(&bytes) }
    return bytes
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
    let line = below(lines.count)
    switch below(14) {
    case 0 where !bytes.isEmpty:
      bytes[below(bytes.count)] = UInt8(truncatingIfNeeded: choice.next())
    case 1 where !bytes.isEmpty: bytes.remove(at: below(bytes.count))
    case 2:
      bytes.insert(pick(Array("[]{}:,-#&*!|>'\"%@`?\t\n\r \u{0}".utf8)), at: below(bytes.count + 1))
    case 3: bytes.removeLast(below(bytes.count + 1))
    case 4: bytes = [0xEF, 0xBB, 0xBF] + bytes
    case 5:
      bytes = Array(
        bytes.split(separator: 10, omittingEmptySubsequences: false).joined(separator: [13, 10]))
    case 6:
      lines.remove(at: line)
      bytes = Array(lines.joined(separator: [10]))
    case 7:
      lines.insert(lines[line], at: line)
      bytes = Array(lines.joined(separator: [10]))
    case 8:
      lines[line] = Array("\t ".utf8) + lines[line]
      bytes = Array(lines.joined(separator: [10]))
    case 9:
      lines.swapAt(line, below(lines.count))
      bytes = Array(lines.joined(separator: [10]))
    default:
      // A value, or one within braces, becomes another.
      let places = bytes.indices.filter {
        $0 > 0 && (bytes[$0 - 1] == 58 || bytes[$0 - 1] == 91 || bytes[$0 - 1] == 44)
      }
      guard !places.isEmpty else { return }
      let start = pick(places)
      let end =
        bytes[start...].firstIndex { $0 == 10 || $0 == 44 || $0 == 125 || $0 == 93 } ?? bytes.count
      bytes.replaceSubrange(start..<end, with: Array((" " + pick(Self.nasty)).utf8))
    }
  }
}
