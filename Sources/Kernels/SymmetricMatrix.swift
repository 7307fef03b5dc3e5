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
    requireOfCaller(matrix.count == count * count, "a square matrix")
    var a = matrix
    var n = Int32(count)
    var info: Int32 = 0
    dpotrf_("U", &n, &a, &n, &info)
    guard info == 0 else { return nil }
    return (0..<count).reduce(0) { $0 + 2 * Double.logarithm(a[$1 * count + $1]) }
  }
}
