import Foundation
import Kernels

/// Every column beside itself times cos q and times sin q, where q is a weighted sum of squares: if a side was twisted by
/// the angle q, what it was before is a linear function of these, whatever the plane. `[sample, 3 d]`, centred.
package enum PhaseFeatures {
  /// Of a side with these angles.
  static func of(_ side: FlowSide, _ angles: [Double]) -> [Double] {
    let (count, d) = (side.count, side.dimension)
    var features = [Double](repeating: 0, count: count * 3 * d)
    for row in 0..<count {
      let (c, s) = (cos(angles[row]), sin(angles[row]))
      for i in 0..<d {
        let value = side.values[row * d + i]
        features[row * 3 * d + i] = value
        features[row * 3 * d + d + i] = value * c
        features[row * 3 * d + 2 * d + i] = value * s
      }
    }
    for column in 0..<3 * d {
      var mean = 0.0
      for row in 0..<count { mean += features[row * 3 * d + column] }
      mean /= Double(count)
      for row in 0..<count { features[row * 3 * d + column] -= mean }
    }
    return features
  }

  static func beside(_ a: [Double], _ p: Int, _ b: [Double], _ q: Int) -> [Double] {
    let count = a.count / p
    var joint: [Double] = []
    joint.reserveCapacity(a.count + b.count)
    for row in 0..<count {
      joint += a[row * p..<(row + 1) * p]
      joint += b[row * q..<(row + 1) * q]
    }
    return joint
  }

  /// Gaussian information of both sides' features for two metrics, and its derivatives by them.
  package static func information(
    _ x: FlowSide, _ y: FlowSide, _ metric: (x: [Double], y: [Double]), gradient: Bool
  ) -> (value: Double, x: [Double], y: [Double])? {
    let angles = [x.squares(metric.x), y.squares(metric.y)]
    let (p, q) = (3 * x.dimension, 3 * y.dimension)
    let joint = beside(of(x, angles[0]), p, of(y, angles[1]), q)
    guard let found = GaussianObjective.of(joint, p, q, ridge: 1e-3, gradient: gradient) else {
      return nil
    }
    guard gradient else { return (found.value, [], []) }
    let slopes = [(x, 0), (y, p)].enumerated().map { index, item -> [Double] in
      let (side, offset) = item
      let d = side.dimension
      var result = [Double](repeating: 0, count: d)
      for row in 0..<side.count {
        let (c, s) = (cos(angles[index][row]), sin(angles[index][row]))
        let start = row * (p + q) + offset
        var slope = 0.0
        for i in 0..<d {
          let value = side.values[row * d + i]
          slope +=
            value * (c * found.gradient[start + 2 * d + i] - s * found.gradient[start + d + i])
        }
        for i in 0..<d {
          let value = side.values[row * d + i]
          result[i] += slope * value * value
        }
      }
      return result
    }
    return (found.value, slopes[0], slopes[1])
  }

  /// The planes of the functions of both sides' features that go together most closely, e₁ and e₂ of each side. Of a twist
  /// w·z = e₁(e₁·w) + e₂(e₂·w) stands at the columns times cos q, and e₁(e₂·w) - e₂(e₁·w) at those times sin q.
  static func planes(
    _ x: (features: [Double], dimension: Int), _ y: (features: [Double], dimension: Int)
  ) -> [(first: [Double], second: [Double])]? {
    let (p, q) = (3 * x.dimension, 3 * y.dimension)
    let count = x.features.count / p
    guard let left = whitening(GaussianObjective.product(x.features, p, x.features, p, count), p),
      let right = whitening(GaussianObjective.product(y.features, q, y.features, q, count), q)
    else { return nil }
    let cross = GaussianObjective.product(x.features, p, y.features, q, count)
    // C = Wx Σxy Wyᵀ, rows by x.
    let c = multiply(multiply(left, p, p, cross, q), p, q, transpose(right, q, q), q)
    guard
      let turned = SymmetricMatrix.eigenvectors(
        multiply(c, p, q, transpose(c, p, q), p), count: p)
    else { return nil }
    let kept = min(3, x.dimension, y.dimension)
    var vectors: (x: [[Double]], y: [[Double]]) = ([], [])
    for place in 0..<kept {
      let index = p - 1 - place
      let square = max(turned.values[index], 0)
      let own = Array(turned.vectors[index * p..<(index + 1) * p])
      let other = multiply(own, 1, p, c, q)
      // Weighted by the square of the correlation.
      vectors.x.append(multiply(own, 1, p, left, p).map { $0 * square })
      vectors.y.append(multiply(other, 1, q, right, q).map { $0 * square.squareRoot() })
    }
    guard let first = plane(vectors.x, x.dimension), let second = plane(vectors.y, y.dimension)
    else { return nil }
    return [first, second]
  }

  private static func plane(
    _ functions: [[Double]], _ d: Int
  ) -> (first: [Double], second: [Double])? {
    var spread = [Double](repeating: 0, count: d * d)
    for function in functions {
      for part in [d, 2 * d] {
        for i in 0..<d {
          for j in 0..<d { spread[i * d + j] += function[part + i] * function[part + j] }
        }
      }
    }
    guard let (_, vectors) = SymmetricMatrix.eigenvectors(spread, count: d) else { return nil }
    let a = Array(vectors[(d - 1) * d..<d * d])
    let b = Array(vectors[(d - 2) * d..<(d - 1) * d])
    let sense = functions.reduce(0.0) { sum, function in
      let (cosines, sines) = (Array(function[d..<2 * d]), Array(function[2 * d..<3 * d]))
      return sum + Twist.dot(a, sines) * Twist.dot(b, cosines)
        - Twist.dot(b, sines) * Twist.dot(a, cosines)
    }
    return sense > 0 ? (a, b) : (b, a)
  }

  /// Σ^(-½), with a hundredth added to the variances.
  private static func whitening(_ covariance: [Double], _ n: Int) -> [Double]? {
    var matrix = covariance
    for i in 0..<n { matrix[i * n + i] += 1e-2 }
    guard let (values, vectors) = SymmetricMatrix.eigenvectors(matrix, count: n) else { return nil }
    let scaled = vectors.indices.map { vectors[$0] / max(values[$0 / n], 1e-12).squareRoot() }
    return multiply(transpose(scaled, n, n), n, n, vectors, n)
  }

  private static func transpose(_ a: [Double], _ rows: Int, _ columns: Int) -> [Double] {
    (0..<columns).flatMap { column in (0..<rows).map { a[$0 * columns + column] } }
  }

  private static func multiply(
    _ a: [Double], _ m: Int, _ k: Int, _ b: [Double], _ n: Int
  ) -> [Double] {
    var c = [Double](repeating: 0, count: m * n)
    Double.gemm(
      MatrixProduct(m: m, n: n, k: k, alpha: 1, a: a, lda: k, b: b, ldb: n, beta: 0, c: &c, ldc: n))
    return c
  }
}
