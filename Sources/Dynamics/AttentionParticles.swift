import Foundation

/// Tokens on the unit sphere under attention (Geshkovski et al. 2023, arXiv 2312.10794, eqs. SA and USA):
/// x_i' = P_{x_i} Σ_j w_ij x_j, P the projection onto the tangent plane.
public struct AttentionParticles: Sendable {
  /// Dimension of the sphere's space.
  public let dimension: Int
  /// Inverse temperature β.
  public let sharpness: Double
  /// Softmax weights when true (SA), e^{β⟨x_i,x_j⟩}/n when false (USA).
  public let isNormalised: Bool

  /// A system.
  public init(dimension: Int, sharpness: Double, isNormalised: Bool) {
    (self.dimension, self.sharpness) = (dimension, sharpness)
    self.isNormalised = isNormalised
  }

  /// x' for particles `[particle, coordinate]`.
  public func rate(_ x: [Double]) -> [Double] {
    let (d, n) = (dimension, x.count / dimension)
    var out = [Double](repeating: 0, count: x.count)
    for i in 0..<n {
      var (weights, sum) = ([Double](repeating: 0, count: n), 0.0)
      for j in 0..<n {
        weights[j] = exp(sharpness * dot(x, i, j))
        sum += weights[j]
      }
      let scale = isNormalised ? 1 / sum : 1 / Double(n)
      for j in 0..<n { for c in 0..<d { out[i * d + c] += scale * weights[j] * x[j * d + c] } }
      let radial = (0..<d).reduce(0.0) { $0 + out[i * d + $1] * x[i * d + $1] }
      for c in 0..<d { out[i * d + c] -= radial * x[i * d + c] }
    }
    return out
  }

  /// (1/2βn²) Σ_ij e^{β⟨x_i,x_j⟩}: never falls under USA.
  public func energy(_ x: [Double]) -> Double {
    let n = x.count / dimension
    var total = 0.0
    for i in 0..<n { for j in 0..<n { total += exp(sharpness * dot(x, i, j)) } }
    return total / (2 * sharpness * Double(n * n))
  }

  /// ⟨x_i, x_j⟩
  public func dot(_ x: [Double], _ i: Int, _ j: Int) -> Double {
    (0..<dimension).reduce(0.0) { $0 + x[i * dimension + $1] * x[j * dimension + $1] }
  }
}
