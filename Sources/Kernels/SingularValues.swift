import COpenBLAS

/// Singular values of any real matrix, in double precision, by LAPACK.
public enum SingularValues {
  /// The `min(rows, columns)` singular values of a matrix `[rows, columns]`, largest first; nil when LAPACK does not converge, or the
  /// matrix holds a value that is not finite. Cost rows · columns · min(rows, columns); memory of a copy of the matrix.
  public static func of(_ matrix: [Double], rows: Int, columns: Int) -> [Double]? {
    requireOfCaller(matrix.count == rows * columns, "as many values as rows times columns")
    guard rows > 0, columns > 0, matrix.allSatisfy(\.isFinite) else { return nil }
    var a = matrix
    // By rows it is the transpose by columns, which has the same singular values.
    var (m, n, leading) = (Int32(columns), Int32(rows), Int32(columns))
    let count = min(rows, columns)
    var values = [Double](repeating: 0, count: count)
    var integers = [Int32](repeating: 0, count: 8 * count)
    // Neither kind of vectors is asked for.
    var (left, right, leftLeading, rightLeading) = (0.0, 0.0, Int32(1), Int32(1))
    var (info, size, wanted) = (Int32(0), Int32(-1), 0.0)
    dgesdd_(
      "N", &m, &n, &a, &leading, &values, &left, &leftLeading, &right, &rightLeading, &wanted,
      &size, &integers, &info)
    guard info == 0 else { return nil }
    size = Int32(wanted)
    var work = [Double](repeating: 0, count: max(1, Int(size)))
    dgesdd_(
      "N", &m, &n, &a, &leading, &values, &left, &leftLeading, &right, &rightLeading, &work, &size,
      &integers, &info)
    return info == 0 ? values : nil
  }
}
