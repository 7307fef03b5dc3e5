import Foundation
import Kernels

/// Whether samples of pairs could be normal: skewness and kurtosis of every column and of sums and differences of columns
/// across the sides, where a dependence that is not Gaussian shows.
enum NormalityCheck {
  /// False when more projections are off than chance explains: beyond four standard errors in any of up to 200.
  static func holds(_ pairs: PairedSamples) -> Bool {
    let scaled = Preprocessing.standard.apply(pairs)
    let joint = scaled.x.beside(scaled.y)
    var projections = (0..<joint.dimension).prefix(100).map { joint.column($0) }
    var random = Philox(seed: 7, purpose: .resampling, index: 1 << 20)
    for _ in 0..<100 {
      let a = Int(random.uniform() * Double(scaled.x.dimension))
      let b = Int(random.uniform() * Double(scaled.y.dimension))
      let sign = random.uniform() < 0.5 ? 1.0 : -1.0
      projections.append((0..<joint.count).map { scaled.x[$0, a] + sign * scaled.y[$0, b] })
    }
    let count = Double(joint.count)
    return projections.allSatisfy { values in
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
      let skewness = third / pow(second, 1.5)
      let excess = fourth / (second * second) - 3
      return abs(skewness) < 4.5 * (6 / count).squareRoot()
        && abs(excess) < 6 * (24 / count).squareRoot()
    }
  }
}
