import Arrays
import Kernels

/// Linear centred kernel alignment (Kornblith et al. 2019, eq. 3): how alike two representations of the same samples
/// are, whatever their rotation and scale.
///
/// What does not hold: with fewer samples than dimensions the value is biased upwards (Murphy et al. 2024).
public struct CenteredKernelAlignment: Sendable {
  private let gram: [Double]
  private let norm: Double

  /// A representation `[sample, dimension]`; more axes are taken as one.
  public init(_ values: NDArray<Float>) {
    gram = centredGram(values.elements, count: values.shape[0])
    norm = gram.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// CKA with another representation of the same samples; 0 when either is constant, NaN when either is not finite.
  public func alignment(with other: CenteredKernelAlignment) -> Double {
    guard norm.isFinite, other.norm.isFinite else { return .nan }
    guard norm > 0, other.norm > 0 else { return 0 }
    var dot = 0.0
    for (a, b) in zip(gram, other.gram) { dot += a * b }
    return dot / (norm * other.norm)
  }
}
