/// The grid of positions a field lives on: cells of spacing 1, row by row.
///
/// Images lie on their two-dimensional patch grid; one row of cells is a one-dimensional field.
public struct FieldGrid: Sendable, Hashable {
  /// Cells down and across.
  public let rows: Int, columns: Int

  /// A grid of `rows` x `columns` cells.
  public init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

  /// Number of cells n.
  public var positionCount: Int { rows * columns }
}
