import Foundation
import Kernels

/// Whether samples of pairs could be normal: skewness and kurtosis of every column and of sums and differences of columns
/// across the sides, where a dependence that is not Gaussian shows, and the covariance of both sides' lengths.
enum NormalityCheck {
  /// Most rows looked at, and most sums of columns.
  private static let (rowLimit, sumLimit) = (10_000, 700)

  /// Draws the sums that are looked at where there are more than ``sumLimit``. Fixed, so that the verdict on given samples does not
  /// depend on the seed of the estimate.
  private static let seed: UInt64 = 7

  /// False when a single projection is off: skewness beyond 4.5 or excess kurtosis beyond 6 standard errors, limits so wide that of
  /// the 1,600 looked at at most less than one in a hundred sets of normal samples has one beyond them; or when the lengths of both
  /// sides vary together otherwise than normal ones do.
  static func holds(_ pairs: PairedSamples) -> Bool {
    let step = max(1, pairs.count / rowLimit)
    let used =
      step == 1 ? pairs : pairs.rows(Array(stride(from: 0, to: pairs.count, by: step)))
    let scaled = Preprocessing.standard.apply(used)
    let x = (0..<scaled.x.dimension).map(scaled.x.column)
    let y = (0..<scaled.y.dimension).map(scaled.y.column)
    guard (x.prefix(100) + y.prefix(100)).allSatisfy(isNormal), lengthsAgree(x, y) else {
      return false
    }
    var chosen: [(Int, Int)] = []
    if x.count * y.count <= sumLimit {
      for a in x.indices { for b in y.indices { chosen.append((a, b)) } }
    } else {
      var random = Philox(seed: seed, purpose: .resampling, index: 1 << 20)
      for _ in 0..<sumLimit {
        chosen.append(
          (Int(random.uniform() * Double(x.count)), Int(random.uniform() * Double(y.count))))
      }
    }
    return chosen.allSatisfy { a, b in
      [1.0, -1].allSatisfy { sign in isNormal(zip(x[a], y[b]).map { $0 + sign * $1 }) }
    }
  }

  private static func isNormal(_ values: [Double]) -> Bool {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    var (second, third, fourth) = (0.0, 0.0, 0.0)
    for value in values {
      let d = value - mean
      second += d * d
      third += d * d * d
      fourth += d * d * d * d
    }
    (second, third, fourth) = (second / count, third / count, fourth / count)
    guard second > 1e-12 else { return true }
    let skewness = third / (second * second.squareRoot())
    let excess = fourth / (second * second) - 3
    return abs(skewness) < 4.5 * (6 / count).squareRoot()
      && abs(excess) < 6 * (24 / count).squareRoot()
  }

  /// Cov(|x|², |y|²) = 2 Σ Cov(x_a, y_b)² of normal pairs (Isserlis): a scale that both sides share shows here however
  /// many columns there are.
  private static func lengthsAgree(_ x: [[Double]], _ y: [[Double]]) -> Bool {
    let rows = x[0].count
    let count = Double(rows)
    func lengths(_ columns: [[Double]]) -> [Double] {
      let squares = (0..<rows).map { row in columns.reduce(0) { $0 + $1[row] * $1[row] } }
      let mean = squares.reduce(0, +) / count
      return squares.map { $0 - mean }
    }
    let (a, b) = (lengths(x), lengths(y))
    func product(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / count
    }
    let cross = x.reduce(0.0) { sum, column in
      sum
        + y.reduce(0.0) {
          let c = product(column, $1); return $0 + c * c
        }
    }
    // Sampling alone gives every product a square of 1/n.
    let expected = 2 * max(0, cross - Double(x.count * y.count) / count)
    let error = (product(a, a) * product(b, b) / count).squareRoot()
    return abs(product(a, b) - expected) < 5 * error + 0.1 * expected
  }
}
