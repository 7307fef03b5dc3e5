import Console
import Dynamics
import Foundation
import Kernels

/// The first state of a problem.
enum ProblemState {
  /// Numbers `[y, x, channel]`, `[token, coordinate]`, or means then variances.
  /// - Throws: ``Console/UsageError`` for a dataset of another size or with values that are not finite, and what reading throws.
  static func first(_ problem: ProblemConfiguration) throws -> [Double] {
    switch problem.state {
    case .gaussian(let mean, let variance): return mean + variance
    case .tokens(let count, let dimension, let isSphere):
      return try tokens(problem, count, dimension, isSphere)
    case .grid(let rows, let columns, let spacing, let boundary, let channels):
      return try grid(problem, rows, columns, spacing, boundary, channels)
    }
  }

  private static func tokens(
    _ problem: ProblemConfiguration, _ count: Int, _ dimension: Int, _ isSphere: Bool
  ) throws -> [Double] {
    switch problem.initial {
    case .file(let name): return try read(name, count * dimension)
    case .orthogonal:
      guard count <= dimension else {
        throw UsageError(
          "initial.kind: orthogonal: \(count) tokens do not fit \(dimension) dimensions; at most one an axis"
        )
      }
      return (0..<count * dimension).map { $0 / dimension == $0 % dimension ? 1 : 0 }
    case .random(let amplitude, let mean):
      var random = Philox(seed: problem.seed, purpose: .dynamics, index: 1 << 32)
      var x = (0..<count * dimension).map { _ in mean + amplitude * random.normal() }
      guard isSphere else { return x }
      for token in 0..<count {
        let range = token * dimension..<(token + 1) * dimension
        let length = x[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
        for i in range { x[i] /= max(length, .leastNormalMagnitude) }
      }
      return x
    case .mode, .spot, .front: return []
    }
  }

  private static func grid(
    _ problem: ProblemConfiguration, _ rows: Int, _ columns: Int, _ spacing: Double,
    _ boundary: Boundary, _ channels: Int
  ) throws -> [Double] {
    func fill(_ value: (_ row: Int, _ column: Int) -> Double) -> [Double] {
      (0..<rows * columns * channels).map { i in
        value(i / channels / columns, i / channels % columns)
      }
    }
    switch problem.initial {
    case .file(let name): return try read(name, rows * columns * channels)
    case .random(let amplitude, let mean):
      var random = Philox(seed: problem.seed, purpose: .dynamics, index: 1 << 32)
      return (0..<rows * columns * channels).map { _ in mean + amplitude * random.normal() }
    case .mode(let amplitude, let mean, let waves):
      return fill { row, column in
        mean + amplitude * wave(waves.y, row, rows, boundary)
          * wave(waves.x, column, columns, boundary)
      }
    case .spot(let amplitude, let mean, let radius):
      return fill { row, column in
        let y = (Double(row) - Double(rows - 1) / 2) * spacing
        let x = (Double(column) - Double(columns - 1) / 2) * spacing
        return mean + amplitude * exp(-(x * x + y * y) / (2 * radius * radius))
      }
    case .front(let amplitude, let mean, let share):
      return fill { _, column in
        mean + (Double(column) < share * Double(columns) ? amplitude : 0)
      }
    case .orthogonal: return []
    }
  }

  /// A mode of one axis; an axis of one cell has the constant only.
  private static func wave(_ k: Int, _ cell: Int, _ n: Int, _ boundary: Boundary) -> Double {
    guard n > 1 else { return 1 }
    switch boundary {
    case .periodic: return cos(2 * .pi * Double(k * cell) / Double(n))
    case .neumann: return cos(.pi * Double(k) * (Double(cell) + 0.5) / Double(n))
    case .dirichlet: return sin(.pi * Double((k + 1) * (cell + 1)) / Double(n + 1))
    }
  }

  private static func read(_ name: String, _ count: Int) throws -> [Double] {
    let array = try DatasetName(name).read()
    let (shape, values) = (array.shape, array.values)
    if let missing = array.missing?.count(where: { $0 }) {
      throw UsageError(
        "initial.dataset: \(name) lacks \(missing) values (\(array.notes.joined(separator: "; "))); a state is whole"
      )
    }
    guard values.count == count else {
      throw UsageError(
        "initial.dataset: \(name) has the shape \(shape), \(values.count) numbers; the state has \(count)"
      )
    }
    guard values.allSatisfy(\.isFinite) else {
      throw UsageError("initial.dataset: \(name) holds values that are not finite")
    }
    return values
  }
}
