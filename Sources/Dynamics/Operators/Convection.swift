/// -v · ∇u with one velocity everywhere, cells a time, by upwind differences (first order) or central ones (second).
///
/// Upwind is stable for Δt Σ|v|/h ≤ 1 under explicit Euler and smears as a diffusion of |v|h/2 does; central is not stable
/// under explicit Euler without enough diffusion. Beyond a Neumann or Dirichlet edge u is as ``Boundary`` says.
public struct Convection: Sendable {
  /// The grid.
  public let grid: FieldGrid
  /// Edges.
  public let boundary: Boundary
  /// Distance of neighbouring cells.
  public let spacing: Double
  /// Velocity down and across.
  public let velocity: (y: Double, x: Double)
  /// Channels of a cell.
  public let channels: Int
  /// Whether differences are upwind.
  public let isUpwind: Bool

  /// A convection.
  public init(
    _ grid: FieldGrid, _ boundary: Boundary, spacing: Double = 1, velocity: (y: Double, x: Double),
    channels: Int = 1, isUpwind: Bool = true
  ) {
    (self.grid, self.boundary, self.spacing) = (grid, boundary, spacing)
    (self.velocity, self.channels, self.isUpwind) = (velocity, channels, isUpwind)
  }

  /// Σ|v|/h over the axes: a step of explicit Euler longer than its inverse is not stable.
  public var rate: Double {
    (abs(grid.rows > 1 ? velocity.y : 0) + abs(grid.columns > 1 ? velocity.x : 0)) / spacing
  }

  /// -v · ∇u.
  public func apply(_ u: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: u.count)
    let w = channels
    for row in 0..<grid.rows {
      for column in 0..<grid.columns {
        let cell = (row * grid.columns + column) * w
        for (index, n, step, v) in [
          (column, grid.columns, w, velocity.x), (row, grid.rows, grid.columns * w, velocity.y),
        ] where n > 1 && v != 0 {
          func value(_ shift: Int, _ c: Int) -> Double {
            let target = index + shift
            if (0..<n).contains(target) { return u[cell + shift * step + c] }
            switch boundary {
            case .periodic: return u[cell + ((target + n) % n - index) * step + c]
            case .neumann: return u[cell + c]
            case .dirichlet: return 0
            }
          }
          for c in 0..<w {
            let slope =
              !isUpwind
              ? (value(1, c) - value(-1, c)) / 2
              : v > 0 ? u[cell + c] - value(-1, c) : value(1, c) - u[cell + c]
            out[cell + c] -= v / spacing * slope
          }
        }
      }
    }
    return out
  }
}
