import COpenBLAS

/// Eigenvalues of any real square matrix, in double precision, by LAPACK.
public enum Eigenvalues {
  /// The eigenvalues of a matrix `[n, n]`, complex ones in pairs; nil when LAPACK does not converge, or the matrix holds a value
  /// that is not finite. Cost about 10 n³; memory of a copy of the matrix.
  public static func of(_ matrix: [Double], count: Int) -> [(real: Double, imaginary: Double)]? {
    precondition(matrix.count == count * count, "a square matrix")
    guard count > 0 else { return [] }
    guard matrix.allSatisfy(\.isFinite) else { return nil }
    var a = matrix
    // By columns it is the transpose, which has the same eigenvalues.
    var n = Int32(count)
    var (real, imaginary) = (
      [Double](repeating: 0, count: count), [Double](repeating: 0, count: count)
    )
    var (left, right, leading) = (0.0, 0.0, Int32(1))
    var (info, size, wanted) = (Int32(0), Int32(-1), 0.0)
    dgeev_(
      "N", "N", &n, &a, &n, &real, &imaginary, &left, &leading, &right, &leading, &wanted, &size,
      &info)
    guard info == 0 else { return nil }
    size = Int32(wanted)
    var work = [Double](repeating: 0, count: max(1, Int(size)))
    dgeev_(
      "N", "N", &n, &a, &n, &real, &imaginary, &left, &leading, &right, &leading, &work, &size,
      &info)
    guard info == 0 else { return nil }
    return zip(real, imaginary).map { (real: $0, imaginary: $1) }
  }
}
