/// The five-point stencil over a field `[y, x, channel]`, a band of rows at a time.
///
/// Channels of a cell lie together, so a row is one run of numbers whose neighbours are a cell's channels away: the inner
/// loop is the same for any number of channels, and vectorises. A row or column beyond the edge is the other edge, the same
/// row, or zeros; a grid of one row is its own neighbour above and below, which leaves out that axis.
struct Stencil: Sendable {
  let rows: Int
  let columns: Int
  let channels: Int
  let boundary: Boundary

  init(_ grid: FieldGrid, channels: Int, _ boundary: Boundary) {
    (rows, columns, self.channels) = (grid.rows, grid.columns, channels)
    self.boundary = boundary
  }

  /// Numbers of a row.
  var width: Int { columns * channels }

  /// The rows above and below `row`; nil for zeros.
  @inline(__always)
  func neighbours(
    _ u: UnsafePointer<Double>, _ row: Int
  ) -> (above: UnsafePointer<Double>?, below: UnsafePointer<Double>?) {
    let here = u + row * width
    if rows == 1 { return (here, here) }
    let (isFirst, isLast) = (row == 0, row + 1 == rows)
    switch boundary {
    case .periodic:
      return (isFirst ? u + (rows - 1) * width : here - width, isLast ? u : here + width)
    case .neumann: return (isFirst ? here : here - width, isLast ? here : here + width)
    case .dirichlet: return (isFirst ? nil : here - width, isLast ? nil : here + width)
    }
  }

  /// Shows each number of `row` with the sum of its four neighbours; `zeros` holds a row of zeros.
  @inline(__always)
  func visit(
    _ u: UnsafePointer<Double>, _ row: Int, zeros: UnsafePointer<Double>,
    _ body: (_ place: Int, _ here: Double, _ sum: Double) -> Void
  ) {
    let (above, below) = neighbours(u, row)
    let (here, a, b) = (u + row * width, above ?? zeros, below ?? zeros)
    visitEdges(here, above: a, below: b, body)
    let (w, n) = (channels, width)
    for i in w..<max(w, n - w) { body(i, here[i], (here[i - w] + here[i + w]) + (a[i] + b[i])) }
  }

  /// Shows the numbers of the first and last cell of a row with the sum of their neighbours.
  @inline(__always)
  func visitEdges(
    _ here: UnsafePointer<Double>, above a: UnsafePointer<Double>, below b: UnsafePointer<Double>,
    _ body: (_ place: Int, _ here: Double, _ sum: Double) -> Void
  ) {
    let (w, n) = (channels, width)
    for i in 0..<w {
      let left = edge(here, i, from: n - w)
      let right = columns > 1 ? here[i + w] : edge(here, i, from: 0)
      body(i, here[i], (left + right) + (a[i] + b[i]))
    }
    guard columns > 1 else { return }
    for i in n - w..<n {
      body(i, here[i], (here[i - w] + edge(here, i, from: -(n - w))) + (a[i] + b[i]))
    }
  }

  /// What lies beyond the edge beside number `i` of a row; `across` leads to the other edge.
  @inline(__always)
  private func edge(_ here: UnsafePointer<Double>, _ i: Int, from across: Int) -> Double {
    if columns == 1 { return here[i] }
    switch boundary {
    case .periodic: return here[i + across]
    case .neumann: return here[i]
    case .dirichlet: return 0
    }
  }
}
