import Kernels

/// The five-point Laplacian with Neumann boundaries on cell centres: no flux leaves the grid, because the missing
/// neighbour of an edge cell counts as equal to it.
///
/// Eigenvalues -(4/h²) (sin²(πj/2·rows) + sin²(πk/2·columns)), h = 1. Second order in h. Symmetric, so it is its own
/// adjoint, and its columns sum to 0, so mass is kept to round-off.
public enum Laplacian<S: KernelScalar> {
  /// `out += diffusivity[channel] · ∇²u` for `u` and `out` `[sample, position, channel]`.
  @specialized(where S == Float)
  public static func add(
    _ u: UnsafePointer<S>, diffusivity: UnsafePointer<S>, to out: UnsafeMutablePointer<S>,
    _ grid: FieldGrid, samples: Int, width: Int
  ) {
    forEachPair(grid, samples) { a, b in
      let (x, y) = (u + a * width, u + b * width)
      let (p, q) = (out + a * width, out + b * width)
      for c in 0..<width {
        let flux = diffusivity[c] * (y[c] - x[c])
        p[c] += flux
        q[c] -= flux
      }
    }
  }

  /// `gradient[channel] += Σ g ∇²u`, the derivative of Σ g · D∇²u by the diffusivity: minus the sum over faces of
  /// the product of both differences.
  @specialized(where S == Float)
  public static func addDiffusivityGradient(
    _ u: UnsafePointer<S>, _ g: UnsafePointer<S>, to gradient: UnsafeMutablePointer<S>,
    _ grid: FieldGrid, samples: Int, width: Int
  ) {
    forEachPair(grid, samples) { a, b in
      let (x, y) = (u + a * width, u + b * width)
      let (p, q) = (g + a * width, g + b * width)
      for c in 0..<width { gradient[c] -= (y[c] - x[c]) * (q[c] - p[c]) }
    }
  }

  /// Visits every pair of neighbouring cells once; each face is one flux, so what leaves one cell enters the other.
  @inline(__always)
  private static func forEachPair(_ grid: FieldGrid, _ samples: Int, _ body: (Int, Int) -> Void) {
    for sample in 0..<samples {
      let base = sample * grid.positionCount
      for row in 0..<grid.rows {
        for column in 0..<grid.columns {
          let cell = base + row * grid.columns + column
          if column + 1 < grid.columns { body(cell, cell + 1) }
          if row + 1 < grid.rows { body(cell, cell + grid.columns) }
        }
      }
    }
  }
}
