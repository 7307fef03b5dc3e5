import Foundation
import Kernels

/// ∇·(D∇u) on a grid of cells with spacing h, as a stencil and, where D is the same everywhere, exactly, as any function of
/// its eigenvalues. Fields are `[y, x, channel]`.
///
/// Three points an axis (second order in h) or five (fourth order; periodic grids only, where the wider stencil needs no
/// special edge). Eigenvalues of the second order: periodic -(4/h²) sin²(πk/n), Neumann -(4/h²) sin²(πk/2n), Dirichlet
/// -(4/h²) sin²(π(k+1)/2(n+1)), times D, added over the axes. The eigenvectors are real waves, cosines and sines.
public struct DiffusionOperator: Sendable {
  /// The grid; one row of cells is one-dimensional.
  public let grid: FieldGrid
  /// Edges.
  public let boundary: Boundary
  /// Distance of neighbouring cells.
  public let spacing: Double
  /// D.
  public let diffusivity: Diffusivity
  /// Channels of a cell.
  public let channels: Int
  /// Order of accuracy in the spacing, 2 or 4.
  public let order: Int
  private let axes: [ModeAxis]
  private let stencil: Stencil

  /// The operator of a grid.
  /// - Throws: ``ProblemError`` for the fourth order with edges, fewer than five cells for it, an impossible spacing or D, or
  ///   a D of another length than the channels or cells.
  public init(
    _ grid: FieldGrid, _ boundary: Boundary, spacing: Double = 1,
    diffusivity: Diffusivity = .uniform(1), channels: Int = 1, order: Int = 2
  ) throws {
    guard spacing > 0, spacing.isFinite,
      diffusivity.values.allSatisfy({ $0 >= 0 && $0.isFinite })
    else {
      throw ProblemError("the spacing must be above 0 and the diffusivity at least 0")
    }
    var isUniform = true
    switch diffusivity {
    case .uniform: break
    case .perChannel(let values):
      guard values.count == channels else {
        throw ProblemError("\(values.count) diffusivities for \(channels) channels")
      }
    case .perPosition(let values):
      isUniform = false
      guard values.count == grid.positionCount else {
        throw ProblemError("\(values.count) diffusivities for \(grid.positionCount) cells")
      }
    }
    let shortest = [grid.rows, grid.columns].filter { $0 > 1 }.min() ?? 1
    guard order == 2 || (order == 4 && boundary == .periodic && isUniform && shortest >= 5) else {
      throw ProblemError(
        "order \(order): 2 for any grid; 4 for periodic ones of at least 5 cells along an axis, with the same D in "
          + "every cell")
    }
    (self.grid, self.boundary, self.spacing) = (grid, boundary, spacing)
    (self.diffusivity, self.channels, self.order) = (diffusivity, channels, order)
    stencil = Stencil(grid, channels: channels, boundary)
    // A D that varies has other modes.
    axes =
      isUniform
      ? [grid.rows, grid.columns].map { ModeAxis($0, boundary, spacing, order: order) } : []
  }

  /// Whether ``function(_:_:)`` can be used: D is the same in every cell.
  public var hasModes: Bool { !axes.isEmpty }

  /// Largest |eigenvalue|, or a bound of it where D varies: what limits explicit steps.
  public var spectralRadius: Double {
    let largest = diffusivity.values.max() ?? 0
    guard hasModes else {
      // Gershgorin's circles: a cell has two faces an axis, each of at most the largest D.
      let dimensions = [grid.rows, grid.columns].filter { $0 > 1 }.count
      return 4 * Double(dimensions) * largest / (spacing * spacing)
    }
    return largest * axes.reduce(0) { $0 + ($1.values.map(abs).max() ?? 0) }
  }

  /// ∇·(D∇u) by the stencil.
  public func apply(_ u: [Double]) -> [Double] {
    if order == 4 { return applyWide(u) }
    if case .perPosition(let d) = diffusivity { return applyVarying(u, d) }
    let scales = (0..<channels).map { (diffusivity.value(channel: $0) ?? 0) / (spacing * spacing) }
    let factors = (0..<stencil.width).map { scales[$0 % channels] }
    let zeros = [Double](repeating: 0, count: stencil.width)
    return [Double](unsafeUninitializedCapacity: u.count) { out, initialized in
      for row in 0..<grid.rows {
        let target = row * stencil.width
        u.withUnsafeBufferPointer { u in
          guard let u = u.baseAddress else { return }
          stencil.visit(u, row, zeros: zeros) { place, here, sum in
            out[target + place] = factors[place] * (sum - 4 * here)
          }
        }
      }
      initialized = u.count
    }
  }

  /// Fourth order, periodic: (16 (u₋₁ + u₁) - u₋₂ - u₂ - 30 u₀)/12 an axis.
  private func applyWide(_ u: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: u.count)
    let (rows, columns, w) = (grid.rows, grid.columns, channels)
    for row in 0..<rows {
      for column in 0..<columns {
        let cell = (row * columns + column) * w
        for (index, n, step) in [(column, columns, w), (row, rows, columns * w)] where n > 1 {
          func at(_ shift: Int) -> Int { ((index + shift + n) % n - index) * step }
          let places = (at(-2), at(-1), at(1), at(2))
          for c in 0..<w {
            let i = cell + c
            let near = u[i + places.1] + u[i + places.2]
            let far = u[i + places.0] + u[i + places.3]
            let scale = (diffusivity.value(channel: c) ?? 0) / (12 * spacing * spacing)
            out[i] += scale * (16 * near - far - 30 * u[i])
          }
        }
      }
    }
    return out
  }

  /// Fluxes through faces, each with the mean D of its two cells; through a Dirichlet edge with the cell's own.
  private func applyVarying(_ u: [Double], _ d: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: u.count)
    let (rows, columns, w) = (grid.rows, grid.columns, channels)
    let scale = 1 / (spacing * spacing)
    for row in 0..<rows {
      for column in 0..<columns {
        let cell = row * columns + column
        for (index, n, step) in [(column, columns, 1), (row, rows, columns)] where n > 1 {
          let isLast = index + 1 == n
          if isLast, boundary != .periodic {
            // The face after the last cell, and the one before the first.
            if boundary == .dirichlet {
              let first = cell - (n - 1) * step
              for c in 0..<w {
                out[cell * w + c] -= scale * d[cell] * u[cell * w + c]
                out[first * w + c] -= scale * d[first] * u[first * w + c]
              }
            }
            continue
          }
          let next = isLast ? cell - (n - 1) * step : cell + step
          let factor = scale * (d[cell] + d[next]) / 2
          for c in 0..<w {
            let flux = factor * (u[next * w + c] - u[cell * w + c])
            out[cell * w + c] += flux
            out[next * w + c] -= flux
          }
        }
      }
    }
    return out
  }

  /// g(D∇²) u for a function g of the eigenvalue: exact up to round-off, at four products of an axis' matrix a channel.
  public func function(_ g: (Double) -> Double, _ u: [Double]) -> [Double] {
    precondition(hasModes, "a diffusivity that varies has no known modes")
    if channels == 1 { return function(g, u, diffusivity.value(channel: 0) ?? 0) }
    var out = u
    for c in 0..<channels {
      let plane = stride(from: c, to: u.count, by: channels).map { u[$0] }
      for (cell, value) in function(g, plane, diffusivity.value(channel: c) ?? 0).enumerated() {
        out[cell * channels + c] = value
      }
    }
    return out
  }

  private func function(_ g: (Double) -> Double, _ u: [Double], _ d: Double) -> [Double] {
    let (rows, columns) = (axes[0], axes[1])
    var modes = Self.transform(u, rows, columns, back: false)
    for j in 0..<rows.count {
      for k in 0..<columns.count {
        modes[j * columns.count + k] *= g(d * (rows.values[j] + columns.values[k]))
      }
    }
    return Self.transform(modes, rows, columns, back: true)
  }

  /// R u Cᵀ, or Rᵀ u C back.
  private static func transform(_ u: [Double], _ rows: ModeAxis, _ columns: ModeAxis, back: Bool)
    -> [Double]
  {
    let (m, n) = (rows.count, columns.count)
    var half = u
    if n > 1 {
      Double.gemm(
        MatrixProduct(
          m: m, n: n, k: n, alpha: 1, a: u, lda: n, b: columns.vectors, ldb: n, transposeB: !back,
          beta: 0, c: &half, ldc: n))
    }
    guard m > 1 else { return half }
    var out = half
    Double.gemm(
      MatrixProduct(
        m: m, n: n, k: m, alpha: 1, a: rows.vectors, lda: m, transposeA: back, b: half, ldb: n,
        beta: 0, c: &out, ldc: n))
    return out
  }
}
