import Kernels

/// The two circuits of an attention head (Elhage et al. 2021, «A Mathematical Framework for Transformer Circuits»): which
/// positions attend to which, W_QK = W_QᵀW_K, and what is then moved, W_OV = W_O W_V, both `[width, width]` of rank d_head.
///
/// Neither is ever formed: all that is asked of them follows from products of the factors.
public struct HeadCircuit: Sendable {
  /// What an earlier head writes can change in a later one.
  public enum Composition: String, Sendable, CaseIterable {
    /// What it looks for: ‖W_QKᵀ W_OV‖.
    case query
    /// What is found at a position: ‖W_QK W_OV‖.
    case key
    /// What is moved: ‖W_OV W_OV‖.
    case value
  }

  /// Channels of the residual stream and of the head.
  public let width: Int, headWidth: Int
  /// W_Q, W_K, W_V, `[headWidth, width]`.
  private let query: [Double], key: [Double], value: [Double]
  /// W_O, `[width, headWidth]`.
  private let output: [Double]
  /// Gram matrices `[headWidth, headWidth]`: W_Q W_Qᵀ, W_K W_Kᵀ, W_V W_Vᵀ, W_OᵀW_O.
  private let queryGram: [Double], keyGram: [Double], valueGram: [Double], outputGram: [Double]

  /// A head from its matrices in C order: `query`, `key`, `value` `[headWidth, width]`, `output` `[width, headWidth]`.
  public init(
    query: [Double], key: [Double], value: [Double], output: [Double], width: Int, headWidth: Int
  ) {
    (self.query, self.key, self.value, self.output) = (query, key, value, output)
    (self.width, self.headWidth) = (width, headWidth)
    func gram(_ a: [Double]) -> [Double] {
      DenseProduct.of(a, a, m: headWidth, n: headWidth, k: width, transposeB: true)
    }
    (queryGram, keyGram, valueGram) = (gram(query), gram(key), gram(value))
    outputGram = DenseProduct.of(
      output, output, m: headWidth, n: headWidth, k: width, transposeA: true)
  }

  /// A head of independent Gaussian elements. Everything asked of a head is the same at any norm of its matrices.
  public init(random: inout Philox, width: Int, headWidth: Int) {
    func matrix() -> [Double] { (0..<width * headWidth).map { _ in random.normal() } }
    self.init(
      query: matrix(), key: matrix(), value: matrix(), output: matrix(), width: width,
      headWidth: headWidth)
  }

  /// Σλ/Σ|λ| over the eigenvalues of W_OV: 1 where it copies what it reads, -1 where it writes the opposite, about 0 for
  /// independent elements. NaN for a head of zeros, and where a weight is not finite.
  public var copying: Double {
    // W_V W_O has the eigenvalues of W_O W_V, but for zeros.
    let small = DenseProduct.of(value, output, m: headWidth, n: headWidth, k: width)
    guard let values = Eigenvalues.of(small, count: headWidth) else { return .nan }
    let sizes = values.reduce(0) {
      $0 + ($1.real * $1.real + $1.imaginary * $1.imaginary).squareRoot()
    }
    return sizes > 0 ? values.reduce(0) { $0 + $1.real } / sizes : .nan
  }

  /// ‖AB‖/(‖A‖‖B‖) in the Frobenius norm, A this head's circuit and B = W_OV of an earlier head (Elhage et al. 2021): about 1/√width for independent
  /// elements, at most 1. NaN where a circuit is 0 or not finite.
  public func composition(_ kind: Composition, with earlier: HeadCircuit) -> Double {
    precondition(width == earlier.width, "heads of one network")
    // A = P·S with P `[width, head]`: what enters are PᵀP and S.
    let (entry, outer, inner): ([Double], [Double], [Double])
    switch kind {
    case .query: (entry, outer, inner) = (query, keyGram, queryGram)
    case .key: (entry, outer, inner) = (key, queryGram, keyGram)
    case .value: (entry, outer, inner) = (value, outputGram, valueGram)
    }
    let (h, g) = (headWidth, earlier.headWidth)
    let middle = DenseProduct.of(entry, earlier.output, m: h, n: g, k: width)
    // ‖P M S‖² = Σ (PᵀP M) ∘ (M SSᵀ), S = W_V of the earlier head.
    let left = DenseProduct.of(outer, middle, m: h, n: g, k: h)
    let right = DenseProduct.of(middle, earlier.valueGram, m: h, n: g, k: g)
    let product = max(0, DenseProduct.dot(left, right)).squareRoot()
    let own = max(0, DenseProduct.dot(outer, inner)).squareRoot()
    let other = max(0, DenseProduct.dot(earlier.outputGram, earlier.valueGram)).squareRoot()
    return own > 0 && other > 0 ? product / (own * other) : .nan
  }
}
