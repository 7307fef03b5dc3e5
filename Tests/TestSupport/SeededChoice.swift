/// Choices that a seed decides, the same on every machine (SplitMix64; Steele, Lea & Flood 2014).
public struct SeededChoice: RandomNumberGenerator {
  private var state: UInt64

  /// Choices that `seed` decides.
  public init(_ seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number from 0 to one below `count`; 0 when that is 0.
  public mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(count, 1))) }

  /// One of the items, of which there must be some.
  public mutating func pick<Item>(_ items: [Item]) -> Item { items[below(items.count)] }

  /// Different numbers below `bound`, in order.
  public mutating func places(_ count: Int, below bound: Int) -> [Int] {
    var chosen: Set<Int> = []
    while chosen.count < count { chosen.insert(Int(next() % UInt64(bound))) }
    return chosen.sorted()
  }
}
