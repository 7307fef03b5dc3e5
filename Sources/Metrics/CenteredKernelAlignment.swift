import Arrays
import Kernels

/// Linear centred kernel alignment: how alike two representations of the same samples are, whatever their rotation and scale.
///
/// Two estimates of the same quantity. ``alignment(with:)`` is that of Kornblith et al. (2019, eq. 3), ⟨K, L⟩/(‖K‖‖L‖) of the
/// centred Gram matrices. It is biased upwards: of independent noise of d dimensions at n samples it is about d/(n + d),
/// which is near 1 where d is above n (Murphy et al. 2024). ``debiasedAlignment(with:)`` puts in the unbiased
/// estimate of Song et al. (2012, eq. 5), as Nguyen et al. (2021, eq. 3) do, and is about 0 there:
///
/// HSIC₁(K, L) = (tr K̃L̃ + 1ᵀK̃1 · 1ᵀL̃1/((n - 1)(n - 2)) - 2/(n - 2) · 1ᵀK̃L̃1)/(n(n - 3)), K̃ and L̃ the Gram matrices with
/// their diagonals put to 0; CKA₁ = HSIC₁(K, L)/√(HSIC₁(K, K) HSIC₁(L, L)).
///
/// HSIC₁ is unbiased, its quotient nearly so; around 0 it takes either sign, and nothing is cut off.
public struct CenteredKernelAlignment: Sendable {
  /// Samples, and numbers of one sample.
  public let sampleCount: Int, dimension: Int
  private let biased: Matrix, debiased: Matrix

  /// A symmetric matrix `[sample, sample]` and its Frobenius norm.
  private struct Matrix {
    let elements: [Double]
    let norm: Double

    init(_ elements: [Double]) {
      self.elements = elements
      norm = elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    /// Cosine with another; 0 when either is 0, NaN when either is not finite.
    func cosine(_ other: Matrix) -> Double {
      guard norm.isFinite, other.norm.isFinite else { return .nan }
      guard norm > 0, other.norm > 0 else { return 0 }
      var dot = 0.0
      for (a, b) in zip(elements, other.elements) { dot += a * b }
      return dot / (norm * other.norm)
    }
  }

  /// A representation `[sample, dimension]`; more axes are taken as one. Takes n² d.
  public init(_ values: NDArray<Float>) {
    sampleCount = values.shape[0]
    dimension = values.count / max(sampleCount, 1)
    let gram = centredGram(values.elements, count: sampleCount)
    (biased, debiased) = (Matrix(gram), Matrix(Self.doublyCentred(gram, sampleCount)))
  }

  /// CKA with another representation of the same samples; 0 when either is constant, NaN when either is not finite.
  public func alignment(with other: CenteredKernelAlignment) -> Double {
    biased.cosine(other.biased)
  }

  /// CKA from the unbiased HSIC; NaN when either is constant or not finite, and below four samples, for which there is no such
  /// estimate.
  public func debiasedAlignment(with other: CenteredKernelAlignment) -> Double {
    debiased.norm > 0 && other.debiased.norm > 0 ? debiased.cosine(other.debiased) : .nan
  }

  /// What the biased estimate is on average of independent noise of this size: d/(n + d). Less where numbers of a sample depend on
  /// each other, for d counts them as if they did not.
  public var noiseAlignment: Double { Double(dimension) / Double(sampleCount + dimension) }

  /// Whether n is so small for the dimension that the biased estimate of independent noise may be above a tenth.
  public var isBiased: Bool { noiseAlignment > 0.1 }

  /// The matrix whose products are n(n - 3) HSIC₁: K̃ less its row and column means, with a diagonal of 0 (Székely & Rizzo
  /// 2014, eq. 2.8). What centring has added to rows and columns falls out.
  private static func doublyCentred(_ gram: [Double], _ n: Int) -> [Double] {
    guard n > 3 else { return [] }
    var sums = [Double](repeating: 0, count: n)
    for i in 0..<n {
      for j in 0..<n where j != i { sums[i] += gram[i * n + j] }
    }
    let whole = sums.reduce(0, +) / Double((n - 1) * (n - 2))
    let means = sums.map { $0 / Double(n - 2) }
    var out = gram
    for i in 0..<n {
      for j in 0..<n { out[i * n + j] = i == j ? 0 : gram[i * n + j] - means[i] - means[j] + whole }
    }
    return out
  }
}
