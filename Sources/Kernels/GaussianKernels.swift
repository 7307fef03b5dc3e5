/// Sums of Gaussian kernels over rows of pairwise products.
public enum GaussianKernels {
  /// One side of pairs, as one row sees it.
  public struct Side {
    /// -2 a·b for the row's own sample a and every sample b.
    public var products: UnsafePointer<Float>
    /// |b|² of every sample.
    public var squares: UnsafePointer<Float>
    /// -1/2σ².
    public var factor: Float

    /// One side.
    public init(
      products: UnsafePointer<Float>, squares: UnsafePointer<Float>, factor: Float
    ) {
      (self.products, self.squares, self.factor) = (products, squares, factor)
    }
  }

  /// Σ_j Kx_j Ky_j, Σ_j Kx_j and Σ_j Ky_j over all samples, K = exp(factor · (|a|² + |b|² - 2 a·b)), a being sample `own`.
  /// To leave a sample out, put 1e30 in the place of its product.
  ///
  /// Sixteen at a time in single precision; a kernel below e^-87 counts as e^-87.
  public static func sums(
    _ x: Side, _ y: Side, own: Int, count: Int
  ) -> (both: Double, x: Double, y: Double) {
    func kernel(_ side: Side, _ j: Int, _ base: Vector16) -> Vector16 {
      let distance = (Vector16.load(side.products + j) + Vector16.load(side.squares + j) + base)
        .larger(.zero)
      return (distance * Vector16(repeating: side.factor)).exponential
    }
    let bases = (Vector16(repeating: x.squares[own]), Vector16(repeating: y.squares[own]))
    var (both, left, right) = (Vector16.zero, Vector16.zero, Vector16.zero)
    let whole = count / 16 * 16
    for j in stride(from: 0, to: whole, by: 16) {
      let (a, b) = (kernel(x, j, bases.0), kernel(y, j, bases.1))
      both = a.fma(b, both)
      left += a
      right += b
    }
    var sums = (Double(both.total), Double(left.total), Double(right.total))
    func single(_ side: Side, _ j: Int) -> Float {
      let distance = max(0, side.products[j] + side.squares[j] + side.squares[own])
      return Vector16(repeating: distance * side.factor).exponential[0]
    }
    for j in whole..<count {
      let (a, b) = (single(x, j), single(y, j))
      sums = (sums.0 + Double(a * b), sums.1 + Double(a), sums.2 + Double(b))
    }
    return sums
  }
}
