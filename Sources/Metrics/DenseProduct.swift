import Kernels

/// Products of small dense matrices in C order, in double precision.
enum DenseProduct {
  /// op(a) · op(b), `[m, n]`, of op(a) `[m, k]` and op(b) `[k, n]`; a factor that is transposed is stored the other way around.
  static func of(
    _ a: [Double], _ b: [Double], m: Int, n: Int, k: Int, transposeA: Bool = false,
    transposeB: Bool = false
  ) -> [Double] {
    precondition(a.count == m * k && b.count == k * n, "factors of these sizes")
    var c = [Double](repeating: 0, count: m * n)
    guard m > 0, n > 0, k > 0 else { return c }
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
          Double.gemm(
            MatrixProduct(
              m: m, n: n, k: k, alpha: 1, a: a, lda: transposeA ? m : k, transposeA: transposeA,
              b: b, ldb: transposeB ? k : n, transposeB: transposeB, beta: 0, c: c, ldc: n))
        }
      }
    }
    return c
  }

  /// Root of the sum of squares.
  static func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// Σ aᵢbᵢ.
  static func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for (x, y) in zip(a, b) { sum += x * y }
    return sum
  }
}
