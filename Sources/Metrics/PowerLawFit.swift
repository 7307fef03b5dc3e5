import Foundation

/// A power law p(λ) ∝ λ^(-α), λ ≥ λmin, fitted to the tail of a sample (Clauset, Shalizi & Newman 2009, eqs. 3.1 and 3.9), as
/// weightwatcher fits it to eigenvalues of weights (Martin & Mahoney 2021).
///
/// For every value as λmin, α is the maximum-likelihood estimate over the values from it on; that λmin is taken for which the
/// empirical and the fitted distribution are nearest. A fit is found for any sample: ``distance`` tells whether it is one. A
/// Gaussian matrix of 1024 x 256 gives α = 7.3 at a distance of 0.13, and is no power law.
public struct PowerLawFit: Sendable, Equatable {
  /// The exponent.
  public let alpha: Double
  /// Largest difference of the two cumulative distributions (Kolmogorov-Smirnov).
  public let distance: Double
  /// Smallest value of the tail.
  public let minimum: Double
  /// Values in the tail.
  public let count: Int
  /// Standard error of the exponent, (α - 1)/√count.
  public var standardError: Double { (alpha - 1) / Double(count).squareRoot() }

  /// Fits the positive ones of `values`; nil when no tail of them has an exponent above 1. Cost is the square of their number.
  public init?(_ values: [Double]) {
    let sorted = values.filter { $0 > 0 && $0.isFinite }.sorted()
    let logs = sorted.map { log($0) }
    var best: (distance: Double, alpha: Double, start: Int)?
    // Sum of the logarithms from each place on.
    var sums = [Double](repeating: 0, count: sorted.count + 1)
    for place in sorted.indices.reversed() { sums[place] = sums[place + 1] + logs[place] }
    for start in sorted.indices.dropLast() {
      let count = Double(sorted.count - start)
      let alpha = 1 + count / (sums[start] - count * logs[start])
      guard alpha > 1, alpha.isFinite else { continue }
      var distance = 0.0
      for place in start..<sorted.count {
        let fitted = 1 - exp((1 - alpha) * (logs[place] - logs[start]))
        distance = max(distance, abs(fitted - Double(place - start) / count))
      }
      if best.map({ distance < $0.distance }) ?? true { best = (distance, alpha, start) }
    }
    guard let best else { return nil }
    (alpha, distance, minimum) = (best.alpha, best.distance, sorted[best.start])
    count = sorted.count - best.start
  }
}
