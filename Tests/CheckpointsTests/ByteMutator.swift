import TestSupport

/// Makes bad files out of good ones, the same from the same seed: bytes, lengths, pieces and ends are changed.
struct ByteMutator {
  private var choice: SeededChoice

  init(seed: UInt64) { choice = SeededChoice(seed &* 0x9E37_79B9_7F4A_7C15 &+ 1) }

  /// Numbers that readers stumble over.
  private static let nasty: [UInt64] = [
    0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40,
    .max >> 1, 1 << 63, .max, .max - 7,
  ]

  /// The bytes with one to four mistakes, most of them among the first and the last kilobyte, where lengths are.
  mutating func mutated(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...choice.below(4) where !bytes.isEmpty { mutate(&bytes) }
    return bytes
  }

  private mutating func place(_ count: Int) -> Int {
    switch choice.below(4) {
    case 0: choice.below(count)
    case 1: count - 1 - choice.below(min(count, 1024))
    default: choice.below(min(count, 1024))
    }
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    let at = place(bytes.count)
    switch choice.below(9) {
    case 0: bytes[at] = UInt8(truncatingIfNeeded: choice.next())
    case 1: bytes[at] ^= 1 << UInt8(choice.below(8))
    case 2: bytes.remove(at: at)
    case 3: bytes.insert(UInt8(truncatingIfNeeded: choice.next()), at: at)
    case 4: bytes.removeLast(choice.below(bytes.count))
    case 5, 6:
      let (number, size) = (
        Self.nasty[choice.below(Self.nasty.count)], [1, 2, 4, 8][choice.below(4)]
      )
      for i in 0..<size where at + i < bytes.count {
        bytes[at + i] = UInt8(truncatingIfNeeded: number >> UInt64(8 * i))
      }
    case 7:
      let piece = bytes[at..<min(at + 1 + choice.below(64), bytes.count)]
      bytes.insert(contentsOf: piece, at: place(bytes.count))
    default:
      // A digit becomes another, for the headers that are text.
      let digits = bytes.indices.prefix(4096).filter { 0x30...0x39 ~= bytes[$0] }
      if !digits.isEmpty {
        bytes[digits[choice.below(digits.count)]] = UInt8(0x30 + choice.below(10))
      }
    }
  }
}
