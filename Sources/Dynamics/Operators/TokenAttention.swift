import Foundation

/// Attention as a non-local operator over tokens `[token, coordinate]`, in float64.
///
/// x_i' = Σ_j w_ij x_j, or Σ_j w_ij (x_j - x_i), times a strength; on the sphere, its projection on the tangent plane. Tokens
/// are the cells of a field or particles. O(n² d) a call.
public struct TokenAttention: Sendable {
  /// Where weights come from.
  public enum Kernel: String, Sendable, CaseIterable {
    /// e^{β⟨x_i,x_j⟩} divided by its row's sum.
    case softmax
    /// e^{β⟨x_i,x_j⟩}/n: rows do not sum to 1. USA of Geshkovski et al. (2023).
    case unnormalised
    /// e^{-β|x_i-x_j|²/2} divided by its row's sum.
    case l2
    /// e^{-β|x_i-x_j|²/2} scaled until rows and columns sum to 1 (Sinkhorn 1964; Sander et al. 2022).
    case sinkhorn
  }

  /// Where weights come from.
  public let kernel: Kernel
  /// Inverse temperature β.
  public let sharpness: Double
  /// Factor of the whole.
  public let strength: Double
  /// Coordinates of a token.
  public let dimension: Int
  /// Whether tokens stay on the unit sphere.
  public let isSphere: Bool
  /// Whether the token itself is subtracted from the mean it moves to.
  public let isRelative: Bool
  /// Whether tokens see earlier ones and themselves only.
  public let isCausal: Bool
  /// Tokens that are not padding; nil for all. Padding neither moves nor is seen.
  public let length: Int?
  /// Sinkhorn's scaling stops when every row and column is this near to 1, or after 100,000 rounds.
  public static let sinkhornTolerance = 1e-13

  /// An attention.
  /// - Throws: ``ProblemError`` for a causal Sinkhorn kernel: the only doubly stochastic matrix below the diagonal is the
  ///   identity.
  public init(
    _ kernel: Kernel, sharpness: Double, strength: Double = 1, dimension: Int,
    isSphere: Bool = false, isRelative: Bool = false, isCausal: Bool = false, length: Int? = nil
  ) throws {
    if kernel == .sinkhorn, isCausal {
      throw ProblemError(
        "a causal Sinkhorn kernel is the identity: no other lower triangular matrix has rows and columns that sum to 1"
      )
    }
    (self.kernel, self.sharpness, self.strength) = (kernel, sharpness, strength)
    (self.dimension, self.isSphere, self.isRelative) = (dimension, isSphere, isRelative)
    (self.isCausal, self.length) = (isCausal, length)
  }

  /// Weights `[query, key]`; rows of padding are 0.
  public func map(_ x: [Double]) -> [Double] {
    let tokens = x.count / dimension
    let n = min(length ?? tokens, tokens)
    var weights = [Double](repeating: 0, count: tokens * tokens)
    for i in 0..<n {
      let seen = isCausal ? i + 1 : n
      // The largest score is subtracted where a row is divided by its sum.
      var scores = (0..<seen).map { score(x, i, $0) }
      let top = kernel == .softmax || kernel == .l2 ? scores.max() ?? 0 : 0
      scores = scores.map { exp($0 - top) }
      let sum = scores.reduce(0, +)
      let scale: Double
      switch kernel {
      case .softmax, .l2: scale = 1 / sum
      case .unnormalised: scale = 1 / Double(n)
      case .sinkhorn: scale = 1
      }
      for j in 0..<seen { weights[i * tokens + j] = scale * scores[j] }
    }
    if kernel == .sinkhorn { balance(&weights, n, stride: tokens) }
    return weights
  }

  /// Symmetric kernels have one scaling for rows and columns: s ← √(s / Ks) converges to sᵢ Σ K_ij s_j = 1 (Knight, Ruiz &
  /// Uçar 2014), and keeps the map symmetric to round-off. Weights that are not balanced after 100,000 rounds are NaN.
  private func balance(_ kernel: inout [Double], _ n: Int, stride: Int) {
    var scale = [Double](repeating: 1, count: n)
    var isBalanced = false
    for _ in 0..<100_000 {
      var worst = 0.0
      let sums = (0..<n).map { i in
        scale[i] * (0..<n).reduce(0) { $0 + kernel[i * stride + $1] * scale[$1] }
      }
      for i in 0..<n { worst = max(worst, abs(sums[i] - 1)) }
      isBalanced = worst <= Self.sinkhornTolerance
      guard !isBalanced else { break }
      for i in 0..<n { scale[i] /= sums[i].squareRoot() }
    }
    if !isBalanced { scale = scale.map { _ in .nan } }
    for i in 0..<n { for j in 0..<n { kernel[i * stride + j] *= scale[i] * scale[j] } }
  }

  private func score(_ x: [Double], _ i: Int, _ j: Int) -> Double {
    switch kernel {
    case .softmax, .unnormalised: return sharpness * dot(x, i, j)
    case .l2, .sinkhorn:
      var square = 0.0
      for c in 0..<dimension {
        let difference = x[i * dimension + c] - x[j * dimension + c]
        square += difference * difference
      }
      return -sharpness * square / 2
    }
  }

  /// x' for tokens `[token, coordinate]`.
  public func apply(_ x: [Double]) -> [Double] {
    let (d, tokens) = (dimension, x.count / dimension)
    let weights = map(x)
    var out = [Double](repeating: 0, count: x.count)
    for i in 0..<min(length ?? tokens, tokens) {
      var row = 0.0
      for j in 0..<tokens where weights[i * tokens + j] != 0 {
        let weight = strength * weights[i * tokens + j]
        row += weight
        for c in 0..<d { out[i * d + c] += weight * x[j * d + c] }
      }
      if isRelative { for c in 0..<d { out[i * d + c] -= row * x[i * d + c] } }
      guard isSphere else { continue }
      let radial = (0..<d).reduce(0.0) { $0 + out[i * d + $1] * x[i * d + $1] }
      for c in 0..<d { out[i * d + c] -= radial * x[i * d + c] }
    }
    return out
  }

  /// (1/2βn²) Σ_ij e^{β⟨x_i,x_j⟩}: never falls under the unnormalised kernel on the sphere.
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
