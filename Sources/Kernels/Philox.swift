/// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011, section 4.3).
///
/// The state is a key and a counter, so a stream can be resumed at any place, and two streams with different
/// `(seed, stream)` never share a number. Not for cryptography.
public struct Philox: RandomNumberGenerator, Sendable {
  /// Rounds.
  public static var rounds: Int { 10 }
  /// Multipliers of the counter's first and third word.
  public static var multipliers: (UInt64, UInt64) { (0xD251_1F53, 0xCD9E_8D57) }
  /// What is added to each half of the key after a round.
  public static var increments: (UInt32, UInt32) { (0x9E37_79B9, 0xBB67_AE85) }

  private let key: SIMD2<UInt32>
  private var counter: UInt64
  private let stream: UInt64
  private var block = SIMD4<UInt32>.zero
  private var used = 4

  /// The stream number `stream` of `seed`, at its `counter`-th block.
  public init(seed: UInt64, stream: UInt64, counter: UInt64 = 0) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    self.stream = stream
    self.counter = counter
  }

  /// The ten rounds on one counter; exposed for the published known answers.
  public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k = key
    for _ in 0..<rounds {
      let a = multipliers.0 * UInt64(c.x)
      let b = multipliers.1 * UInt64(c.z)
      c = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ c.y ^ k.x, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c.w ^ k.y, UInt32(truncatingIfNeeded: a))
      k = SIMD2(k.x &+ increments.0, k.y &+ increments.1)
    }
    return c
  }

  /// The ten rounds on the eight counters from `counter` on of one stream, side by side: word i of counter j is lane j of
  /// the i-th vector. For masks, where one block at a time would cost as much as the arithmetic they mask.
  @inline(__always)
  package static func eightBlocks(counter: UInt64, stream: UInt64, seed: UInt64) -> (
    SIMD8<UInt32>, SIMD8<UInt32>, SIMD8<UInt32>, SIMD8<UInt32>
  ) {
    let low = SIMD8<UInt64>(truncatingIfNeeded: SIMD8<UInt32>(0, 1, 2, 3, 4, 5, 6, 7))
    let counters = SIMD8<UInt64>(repeating: counter) &+ low
    let mask = SIMD8<UInt64>(repeating: 0xFFFF_FFFF)
    var x = counters & mask
    var y = counters &>> 32
    var z = SIMD8<UInt64>(repeating: stream & 0xFFFF_FFFF)
    var w = SIMD8<UInt64>(repeating: stream >> 32)
    var (k0, k1) = (seed & 0xFFFF_FFFF, seed >> 32)
    for _ in 0..<rounds {
      let a = SIMD8<UInt64>(repeating: multipliers.0) &* x
      let b = SIMD8<UInt64>(repeating: multipliers.1) &* z
      x = (b &>> 32) ^ y ^ SIMD8<UInt64>(repeating: k0)
      y = b & mask
      z = (a &>> 32) ^ w ^ SIMD8<UInt64>(repeating: k1)
      w = a & mask
      k0 = (k0 &+ UInt64(increments.0)) & 0xFFFF_FFFF
      k1 = (k1 &+ UInt64(increments.1)) & 0xFFFF_FFFF
    }
    return (
      SIMD8(truncatingIfNeeded: x), SIMD8(truncatingIfNeeded: y), SIMD8(truncatingIfNeeded: z),
      SIMD8(truncatingIfNeeded: w)
    )
  }

  /// The next 32 random bits.
  public mutating func next32() -> UInt32 {
    if used == 4 {
      block = Philox.block(
        counter: SIMD4(
          UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
          UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)),
        key: key)
      counter += 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 { UInt64(next32()) << 32 | UInt64(next32()) }

  /// Uniform in (0, 1), never 0.
  public mutating func uniform() -> Double { (Double(next() >> 11) + 0.5) * 0x1p-53 }

  /// Standard normal by Box & Muller (1958); the second value of a pair is dropped, so that a draw is a fixed
  /// number of random bits.
  public mutating func normal() -> Double {
    let (u, v) = (uniform(), uniform())
    return (-2 * Double.logarithm(u)).squareRoot() * _cosine(2 * .pi * v)
  }

  /// A permutation of `0..<count` by Fisher & Yates.
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(i, Int(uniform() * Double(i + 1)))
    }
    return order
  }
}
