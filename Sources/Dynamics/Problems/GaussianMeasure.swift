/// A normal distribution of tokens under attention: the limit of infinitely many particles, in closed form.
///
/// The state is the mean of each coordinate, then the variance of each; coordinates are independent. With V the strength and
/// β the sharpness, Σ the variance and m the mean of a coordinate:
/// - softmax (Castin et al. 2025, arXiv 2501.18322): the drift of x is V(m + βΣx), so m' = V(1 + βΣ)m and Σ' = 2VβΣ². With
///   V > 0 it ends in a blow-up at t = 1/(2VβΣ(0)).
/// - l2, relative: a normal kernel times a normal density is normal, drift -V(x - m)/(1 + βΣ): m' = 0, Σ' = -2VΣ/(1 + βΣ).
/// - sinkhorn, relative: the entropic plan of N(m, Σ) with itself at ε = 1/β has covariance √(Σ² + ε²/4) - ε/2 (Janati et al.
///   2020, theorem 1, their σ² = ε), so m' = 0 and Σ' = 2V(√(Σ² + ε²/4) - ε/2 - Σ).
public struct GaussianMeasure: Sendable {
  /// The attention.
  public let attention: TokenAttention

  /// The limit of `attention`, which ``supports(_:)`` must accept.
  public init(_ attention: TokenAttention) {
    precondition(Self.supports(attention), "normal distributions do not stay normal")
    self.attention = attention
  }

  /// Whether a normal distribution stays one.
  public static func supports(_ attention: TokenAttention) -> Bool {
    guard !attention.isSphere, !attention.isCausal, attention.length == nil else { return false }
    switch attention.kernel {
    case .softmax: return !attention.isRelative
    case .l2, .sinkhorn: return attention.isRelative && attention.sharpness > 0
    case .unnormalised: return false
    }
  }

  /// The rate of means and variances.
  public func rate(_ state: [Double]) -> [Double] {
    let d = state.count / 2
    let (v, beta) = (attention.strength, attention.sharpness)
    var out = state
    for c in 0..<d {
      let (m, s) = (state[c], state[d + c])
      switch attention.kernel {
      case .l2: (out[c], out[d + c]) = (0, -2 * v * s / (1 + beta * s))
      case .sinkhorn:
        let epsilon = 1 / beta
        // √(s² + ε²/4) - ε/2 - s as one quotient: the difference loses all its digits where s and ε are far apart.
        let root = (s * s + epsilon * epsilon / 4).squareRoot()
        (out[c], out[d + c]) = (0, -2 * v * epsilon * s / (root + epsilon / 2 + s))
      case .softmax, .unnormalised:
        (out[c], out[d + c]) = (v * (1 + beta * s) * m, 2 * v * beta * s * s)
      }
    }
    return out
  }
}
