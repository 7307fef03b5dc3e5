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
    let count = values.shape[0]
    let dimension = values.count / max(count, 1)
    var centred = values.elements.map { Double($0) }
    for column in 0..<dimension {
      var mean = 0.0
      for row in 0..<count { mean += centred[row * dimension + column] }
      mean /= Double(count)
      for row in 0..<count { centred[row * dimension + column] -= mean }
    }
    var gram = [Double](repeating: 0, count: count * count)
    centred.withUnsafeBufferPointer { x in
      gram.withUnsafeMutableBufferPointer { g in
        guard let x = x.baseAddress, let g = g.baseAddress else { return }
        Double.gemm(
          MatrixProduct(
            m: count, n: count, k: dimension, alpha: 1, a: x, lda: dimension, b: x,
            ldb: dimension, transposeB: true, beta: 0, c: g, ldc: count))
      }
    }
    self.gram = gram
    norm = gram.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// CKA with another representation of the same samples; 0 when either is constant.
  public func alignment(with other: CenteredKernelAlignment) -> Double {
    guard norm > 0, other.norm > 0 else { return 0 }
    var dot = 0.0
    for (a, b) in zip(gram, other.gram) { dot += a * b }
    return dot / (norm * other.norm)
  }
}
