import Kernels

/// ½ ln |Σx| |Σy| / |Σ| of features `[sample, dx + dy]` and its derivative by them.
enum GaussianObjective {
  /// Columns are taken as centred; `ridge` is added to their variances. Nil for a singular covariance.
  static func of(
    _ joint: [Double], _ dx: Int, _ dy: Int, ridge: Double, gradient: Bool
  ) -> (value: Double, gradient: [Double])? {
    let width = dx + dy
    let count = joint.count / width
    var covariance = product(joint, width, joint, width, count)
    for i in 0..<width { covariance[i * width + i] += ridge }
    func block(_ range: Range<Int>) -> [Double] {
      range.flatMap { row in range.map { covariance[row * width + $0] } }
    }
    guard gradient else {
      guard let whole = SymmetricMatrix.logDeterminant(covariance, count: width),
        let own = SymmetricMatrix.logDeterminant(block(0..<dx), count: dx),
        let other = SymmetricMatrix.logDeterminant(block(dx..<width), count: dy)
      else { return nil }
      return (0.5 * (own + other - whole), [])
    }
    guard let whole = SymmetricMatrix.inverse(covariance, count: width),
      let own = SymmetricMatrix.inverse(block(0..<dx), count: dx),
      let other = SymmetricMatrix.inverse(block(dx..<width), count: dy)
    else { return nil }
    // d/dF of ½ ln |FᵀF| is F (FᵀF)⁻¹, side by side and jointly.
    var factor = whole.inverse.map { -$0 }
    for i in 0..<dx { for j in 0..<dx { factor[i * width + j] += own.inverse[i * dx + j] } }
    for i in 0..<dy {
      for j in 0..<dy { factor[(dx + i) * width + dx + j] += other.inverse[i * dy + j] }
    }
    var d = [Double](repeating: 0, count: count * width)
    Double.gemm(
      MatrixProduct(
        m: count, n: width, k: width, alpha: 1 / Double(count), a: joint, lda: width, b: factor,
        ldb: width, beta: 0, c: &d, ldc: width))
    return (0.5 * (own.logDeterminant + other.logDeterminant - whole.logDeterminant), d)
  }

  /// aᵀ b / n of `[n, p]` and `[n, q]`.
  static func product(
    _ a: [Double], _ p: Int, _ b: [Double], _ q: Int, _ count: Int
  ) -> [Double] {
    var c = [Double](repeating: 0, count: p * q)
    Double.gemm(
      MatrixProduct(
        m: p, n: q, k: count, alpha: 1 / Double(count), a: a, lda: p, transposeA: true, b: b,
        ldb: q, beta: 0, c: &c, ldc: q))
    return c
  }
}
