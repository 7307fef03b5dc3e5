import COpenBLAS

/// What is asked of symmetric matrices `[n, n]`, in double precision, by LAPACK.
public enum SymmetricMatrix {
  /// The eigenvalues in ascending order; nil when LAPACK does not converge. Cost n³.
  public static func eigenvalues(_ matrix: [Double], count: Int) -> [Double]? {
    requireOfCaller(matrix.count == count * count, "a square matrix")
    var a = matrix
    var values = [Double](repeating: 0, count: count)
    var n = Int32(count)
    var info: Int32 = 0
    var work = [Double](repeating: 0, count: max(1, 2 * count + 1))
    var integers = [Int32](repeating: 0, count: 1)
    var (workCount, integerCount) = (Int32(work.count), Int32(1))
    dsyevd_("N", "U", &n, &a, &n, &values, &work, &workCount, &integers, &integerCount, &info)
    return info == 0 ? values : nil
  }

  /// ln |A| of a positive definite matrix, by Cholesky; nil when it is not. Cost n³/3.
  public static func logDeterminant(_ matrix: [Double], count: Int) -> Double? {
    factored(matrix, count)?.logDeterminant
  }

  /// The Cholesky factor, in the upper triangle by columns, and ln of the determinant; nil where the matrix is not positive definite.
  private static func factored(
    _ matrix: [Double], _ count: Int
  ) -> (factor: [Double], logDeterminant: Double)? {
    requireOfCaller(matrix.count == count * count, "a square matrix")
    var a = matrix
    var n = Int32(count)
    var info: Int32 = 0
    dpotrf_("U", &n, &a, &n, &info)
    guard info == 0 else { return nil }
    return (a, (0..<count).reduce(0) { $0 + 2 * Double.logarithm(a[$1 * count + $1]) })
  }

  /// Eigenvalues in ascending order and their vectors, `[n, n]`, one a row; nil when LAPACK does not converge. Cost n³.
  public static func eigenvectors(
    _ matrix: [Double], count: Int
  ) -> (values: [Double], vectors: [Double])? {
    requireOfCaller(matrix.count == count * count, "a square matrix")
    var a = matrix
    var values = [Double](repeating: 0, count: count)
    var n = Int32(count)
    var info: Int32 = 0
    var work = [Double](repeating: 0, count: 1 + 6 * count + 2 * count * count)
    var integers = [Int32](repeating: 0, count: 3 + 5 * count)
    var (workCount, integerCount) = (Int32(work.count), Int32(integers.count))
    dsyevd_("V", "U", &n, &a, &n, &values, &work, &workCount, &integers, &integerCount, &info)
    // LAPACK's columns are rows here.
    return info == 0 ? (values, a) : nil
  }

  /// The inverse of a positive definite matrix, by Cholesky, and ln of its determinant; nil when it is not. Cost n³.
  public static func inverse(
    _ matrix: [Double], count: Int
  ) -> (inverse: [Double], logDeterminant: Double)? {
    guard let (factor, logarithm) = factored(matrix, count) else { return nil }
    var a = factor
    var n = Int32(count)
    var info: Int32 = 0
    dpotri_("U", &n, &a, &n, &info)
    guard info == 0 else { return nil }
    // The upper triangle by columns is the lower one by rows.
    for row in 0..<count {
      for column in 0..<row { a[column * count + row] = a[row * count + column] }
    }
    return (a, logarithm)
  }
}
