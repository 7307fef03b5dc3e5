import Kernels
import Transformer

/// The second-order Laplacian over the positions of a network, spacing 1, for many samples of many channels at once.
///
/// Positions lie on a grid of cells; those before it (a class token) are not on it and do not diffuse. Each face between
/// two cells carries one flux, so what leaves one enters the other: symmetric, and mass is kept to round-off under Neumann
/// and periodic edges. Beyond a Dirichlet edge u is 0. Padding takes no part: no flux passes between it and the text.
///
/// Under a causal mask a position hears the one before only, u_(i-1) - u_i: the upwind average, an advection as much as a
/// diffusion, first order. A one-sided second difference would be unstable.
package struct PositionLaplacian<S: KernelScalar>: Sendable {
  /// Two neighbouring cells; under a causal mask `second` hears `first`.
  private struct Face: Sendable {
    let first: Int, second: Int
  }
  private let faces: [Face]
  /// How many faces each cell has on an edge beyond which u is 0.
  private let walls: [(cell: Int, count: Int)]
  private let positions: Int
  private let width: Int
  private let isCausal: Bool

  /// The Laplacian of the positions of `network` on `grid`.
  package init(_ grid: FieldGrid, _ boundary: Boundary, network: ModelConfiguration) {
    (positions, width) = (network.positionCount, network.width)
    isCausal = network.variant.isCausal
    let skip = network.classTokenCount
    var faces: [Face] = []
    var walls: [Int: Int] = [:]
    for row in 0..<grid.rows {
      for column in 0..<grid.columns {
        let cell = skip + row * grid.columns + column
        for (index, count, step) in [(column, grid.columns, 1), (row, grid.rows, grid.columns)]
        where count > 1 {
          let isLast = index + 1 == count
          if !isLast { faces.append(Face(first: cell, second: cell + step)) }
          guard index == 0 || isLast else { continue }
          if boundary == .dirichlet { walls[cell, default: 0] += 1 }
          if boundary == .periodic, isLast {
            faces.append(Face(first: cell, second: cell - (count - 1) * step))
          }
        }
      }
    }
    self.faces = faces
    self.walls = walls.keys.sorted().map { ($0, walls[$0] ?? 0) }
  }

  /// `out += diffusivity[channel] · ∇²u` for `u` and `out` `[sample, position, channel]`.
  @specialized(where S == Float)
  package func add(
    _ u: UnsafePointer<S>, diffusivity: UnsafePointer<S>, to out: UnsafeMutablePointer<S>,
    _ shard: Shard
  ) {
    let (width, heardByFirst) = (width, !isCausal)
    forEachFace(shard) { a, b in
      let (x, y) = (u + a, u + b)
      let (p, q) = (out + a, out + b)
      for c in 0..<width {
        let flux = diffusivity[c] * (y[c] - x[c])
        if heardByFirst { p[c] += flux }
        q[c] -= flux
      }
    }
    forEachWall(shard) { cell, count in
      for c in 0..<width { out[cell + c] -= count * diffusivity[c] * u[cell + c] }
    }
  }

  /// `out += diffusivity[channel] · (∇²)ᵀ g`: what ``add(_:diffusivity:to:_:)`` does, but for a causal mask.
  @specialized(where S == Float)
  package func addAdjoint(
    _ g: UnsafePointer<S>, diffusivity: UnsafePointer<S>, to out: UnsafeMutablePointer<S>,
    _ shard: Shard
  ) {
    guard isCausal else { return add(g, diffusivity: diffusivity, to: out, shard) }
    let width = width
    forEachFace(shard) { a, b in
      for c in 0..<width {
        let flux = diffusivity[c] * g[b + c]
        out[a + c] += flux
        out[b + c] -= flux
      }
    }
    forEachWall(shard) { cell, count in
      for c in 0..<width { out[cell + c] -= count * diffusivity[c] * g[cell + c] }
    }
  }

  /// `gradient[channel] += Σ g ∇²u`, the derivative of Σ g · D∇²u by the diffusivity.
  @specialized(where S == Float)
  package func addDiffusivityGradient(
    _ u: UnsafePointer<S>, _ g: UnsafePointer<S>, to gradient: UnsafeMutablePointer<S>,
    _ shard: Shard
  ) {
    let (width, heardByFirst) = (width, !isCausal)
    forEachFace(shard) { a, b in
      for c in 0..<width {
        let heard = heardByFirst ? g[b + c] - g[a + c] : g[b + c]
        gradient[c] -= (u[b + c] - u[a + c]) * heard
      }
    }
    forEachWall(shard) { cell, count in
      for c in 0..<width { gradient[c] -= count * g[cell + c] * u[cell + c] }
    }
  }

  /// Visits every face of every sample once, as places of both cells' first channels.
  @inline(__always)
  private func forEachFace(_ shard: Shard, _ body: (Int, Int) -> Void) {
    for sample in 0..<shard.samples {
      let base = sample * positions
      let length = shard.length(sample) ?? positions
      for face in faces where face.first < length && face.second < length {
        body((base + face.first) * width, (base + face.second) * width)
      }
    }
  }

  @inline(__always)
  private func forEachWall(_ shard: Shard, _ body: (Int, S) -> Void) {
    for sample in 0..<shard.samples {
      let length = shard.length(sample) ?? positions
      for wall in walls where wall.cell < length {
        body((sample * positions + wall.cell) * width, S(wall.count))
      }
    }
  }
}
