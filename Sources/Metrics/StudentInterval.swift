import Foundation

/// Mean of a few independent values and its 95 % interval by Student's t.
///
/// For seeds: with three values the interval is 4.30 standard errors wide to each side, which is what three can tell. Assumes that the
/// values are about normal; bounded ones (a share near 1) may get an interval beyond their bound.
public struct StudentInterval: Sendable, Equatable {
  /// The mean; NaN of no value.
  public let mean: Double
  /// The interval's ends; NaN of fewer than two values.
  public let lower: Double, upper: Double
  /// Finite values.
  public let count: Int

  /// The interval of the finite ones of `values`.
  public init(_ values: [Double]) {
    let finite = values.filter(\.isFinite)
    count = finite.count
    let mean = finite.isEmpty ? .nan : finite.reduce(0, +) / Double(count)
    self.mean = mean
    guard count > 1 else {
      (lower, upper) = (.nan, .nan)
      return
    }
    let variance = finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
    let reach = Self.quantile(freedom: count - 1) * (variance / Double(count)).squareRoot()
    (lower, upper) = (mean - reach, mean + reach)
  }

  /// The 97.5 % quantile of Student's t with `freedom` degrees of freedom, by bisection.
  static func quantile(freedom: Int) -> Double {
    var (low, high) = (0.0, 20.0)
    for _ in 0..<80 {
      let middle = (low + high) / 2
      if within(middle, freedom) < 0.95 { low = middle } else { high = middle }
    }
    return low
  }

  /// P(|T| < t) for whole degrees of freedom: the finite sums of Abramowitz & Stegun 26.7.3 and 26.7.4.
  private static func within(_ t: Double, _ freedom: Int) -> Double {
    let angle = atan(t / Double(freedom).squareRoot())
    let (sine, cosine) = (sin(angle), cos(angle))
    let isOdd = freedom % 2 == 1
    var (term, sum) = (isOdd ? cosine : 1, 0.0)
    var n = isOdd ? 1 : 0
    while n <= freedom - 2 {
      sum += term
      n += 2
      term *= cosine * cosine * Double(n - 1) / Double(n)
    }
    return isOdd ? 2 / Double.pi * (angle + sine * sum) : sine * sum
  }
}
