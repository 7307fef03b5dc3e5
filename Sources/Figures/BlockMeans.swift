/// Means over blocks of values that are added one by one, of any size a number can have.
public struct BlockMeans {
  /// Sums of values up to 1e200, of larger ones in units of 2¹⁰⁰, and how many are in both.
  private var sums: [Double], large: [Double], counts: [Double]
  private static let unit = 0x1p100

  /// `count` blocks without a value.
  public init(count: Int) {
    sums = [Double](repeating: 0, count: count)
    large = []
    counts = sums
  }

  /// Adds a value to a block; NaN is none. An infinite value makes the mean infinite, both infinities make it NaN.
  @inline(__always)
  public mutating func add(_ value: Double, to block: Int) {
    guard !value.isNaN else { return }
    counts[block] += 1
    if abs(value) < 1e200 { sums[block] += value } else { addLarge(value, to: block) }
  }

  private mutating func addLarge(_ value: Double, to block: Int) {
    if large.isEmpty { large = [Double](repeating: 0, count: sums.count) }
    large[block] += value / Self.unit
  }

  /// The mean of each block; NaN without a value.
  public var values: [Double] {
    sums.indices.map { block in
      guard counts[block] > 0 else { return .nan }
      let mean = sums[block] / counts[block]
      guard !large.isEmpty, large[block] != 0 else { return mean }
      let rest = large[block] / counts[block] * Self.unit
      return large[block].isFinite ? (mean + rest).clamped : rest
    }
  }
}
