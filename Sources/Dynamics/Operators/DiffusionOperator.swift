import Foundation
import Kernels

/// D∇² on a grid of cells with spacing h, as a stencil and, exactly, as any function of its eigenvalues.
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
  public let diffusivity: Double
  /// Order of accuracy in the spacing, 2 or 4.
  public let order: Int
  private let axes: [Axis]

  /// Eigenvectors `[mode, cell]` and eigenvalues of one axis.
  private struct Axis: Sendable {
    let count: Int
    let vectors: [Double]
    let values: [Double]
  }

  /// The operator of a grid.
  /// - Throws: ``ProblemError`` for the fourth order with edges, fewer than five cells for it, or an impossible spacing.
  public init(
    _ grid: FieldGrid, _ boundary: Boundary, spacing: Double = 1, diffusivity: Double = 1,
    order: Int = 2
  ) throws {
    guard spacing > 0, diffusivity >= 0, spacing.isFinite, diffusivity.isFinite else {
      throw ProblemError("the spacing must be above 0 and the diffusivity at least 0")
    }
    guard order == 2 || (order == 4 && boundary == .periodic) else {
      throw ProblemError("order \(order): 2 for any boundary, 4 for periodic grids")
    }
    (self.grid, self.boundary, self.spacing) = (grid, boundary, spacing)
    (self.diffusivity, self.order) = (diffusivity, order)
    axes = [grid.rows, grid.columns].map { Self.axis($0, boundary, spacing, diffusivity, order) }
  }

  private static func axis(
    _ n: Int, _ boundary: Boundary, _ h: Double, _ diffusivity: Double, _ order: Int
  ) -> Axis {
    guard n > 1 else { return Axis(count: 1, vectors: [1], values: [0]) }
    var (vectors, values) = ([Double](), [Double]())
    for mode in 0..<n {
      let angle: Double
      var wave: [Double]
      switch boundary {
      case .periodic:
        let k = (mode + 1) / 2
        angle = .pi * Double(k) / Double(n)
        wave = (0..<n).map { x in
          let phase = 2 * .pi * Double(k) * Double(x) / Double(n)
          return mode % 2 == 0 && mode > 0 ? sin(phase) : cos(phase)
        }
      case .neumann:
        angle = .pi * Double(mode) / Double(2 * n)
        wave = (0..<n).map { cos(.pi * Double(mode) * (Double($0) + 0.5) / Double(n)) }
      case .dirichlet:
        angle = .pi * Double(mode + 1) / Double(2 * (n + 1))
        wave = (0..<n).map { sin(.pi * Double((mode + 1) * ($0 + 1)) / Double(n + 1)) }
      }
      let length = wave.reduce(0) { $0 + $1 * $1 }.squareRoot()
      wave = wave.map { $0 / length }
      vectors += wave
      let s = sin(angle) * sin(angle)
      // -u₋₂/12 + 4u₋₁/3 - 5u₀/2 + 4u₁/3 - u₂/12 has the symbol -4 s (1 + s/3).
      values.append(-4 * diffusivity / (h * h) * s * (order == 4 ? 1 + s / 3 : 1))
    }
    return Axis(count: n, vectors: vectors, values: values)
  }

  /// Largest |eigenvalue|: what limits explicit steps.
  public var spectralRadius: Double {
    axes.reduce(0) { $0 + ($1.values.map(abs).max() ?? 0) }
  }

  /// D∇²u by the stencil.
  public func apply(_ u: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: u.count)
    let scale = diffusivity / (spacing * spacing)
    for row in 0..<grid.rows {
      for column in 0..<grid.columns {
        let place = row * grid.columns + column
        var sum = 0.0
        if grid.columns > 1 { sum += second(u, place, column, grid.columns, 1) }
        if grid.rows > 1 { sum += second(u, place, row, grid.rows, grid.columns) }
        out[place] = scale * sum
      }
    }
    return out
  }

  /// Second difference along one axis, h = 1.
  private func second(_ u: [Double], _ place: Int, _ index: Int, _ n: Int, _ step: Int) -> Double {
    func at(_ shift: Int) -> Double {
      let target = index + shift
      if (0..<n).contains(target) { return u[place + shift * step] }
      switch boundary {
      case .periodic: return u[place + ((target % n + n) % n - index) * step]
      case .neumann: return u[place]
      case .dirichlet: return 0
      }
    }
    let near = at(-1) + at(1)
    if order == 2 { return near - 2 * u[place] }
    return (16 * near - at(-2) - at(2) - 30 * u[place]) / 12
  }

  /// g(D∇²) u for a function g of the eigenvalue: exact up to round-off, at four products of an axis' matrix.
  public func function(_ g: (Double) -> Double, _ u: [Double]) -> [Double] {
    let (rows, columns) = (axes[0], axes[1])
    var modes = Self.transform(u, rows, columns, back: false)
    for j in 0..<rows.count {
      for k in 0..<columns.count {
        modes[j * columns.count + k] *= g(rows.values[j] + columns.values[k])
      }
    }
    return Self.transform(modes, rows, columns, back: true)
  }

  /// R u Cᵀ, or Rᵀ u C back.
  private static func transform(_ u: [Double], _ rows: Axis, _ columns: Axis, back: Bool)
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

/// A problem that cannot be integrated as it is stated.
public struct ProblemError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, and what would do.
  public let message: String
  /// A problem.
  public init(_ message: String) { self.message = message }
  /// The message.
  public var description: String { message }
}
