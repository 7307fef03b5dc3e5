import Foundation

/// Eigenvalues and eigenvectors of the second difference along one axis, for D = 1; see ``DiffusionOperator``.
final class ModeAxis: @unchecked Sendable {
  /// Cells.
  let count: Int
  /// Eigenvalue of each mode.
  let values: [Double]
  private let boundary: Boundary
  private let lock = NSLock()
  private var made: [Double]?

  /// An axis of `n` cells at distance `h`.
  init(_ n: Int, _ boundary: Boundary, _ h: Double, order: Int) {
    (count, self.boundary) = (n, boundary)
    values =
      n > 1
      ? (0..<n).map { mode in
        let angle: Double =
          switch boundary {
          case .periodic: .pi * Double((mode + 1) / 2) / Double(n)
          case .neumann: .pi * Double(mode) / Double(2 * n)
          case .dirichlet: .pi * Double(mode + 1) / Double(2 * (n + 1))
          }
        let s = sin(angle) * sin(angle)
        // -u₋₂/12 + 4u₋₁/3 - 5u₀/2 + 4u₁/3 - u₂/12 has the symbol -4 s (1 + s/3).
        return -4 / (h * h) * s * (order == 4 ? 1 + s / 3 : 1)
      } : [0]
  }

  /// Eigenvectors `[mode, cell]`, n² numbers: made when an exact method asks for them first, since explicit ones never do.
  var vectors: [Double] {
    lock.withLock {
      if let made { return made }
      let found: [Double] = count > 1 ? (0..<count).flatMap { wave($0) } : [1]
      made = found
      return found
    }
  }

  private func wave(_ mode: Int) -> [Double] {
    let n = count
    let wave: [Double] =
      switch boundary {
      case .periodic:
        (0..<n).map { x in
          let phase = 2 * .pi * Double((mode + 1) / 2) * Double(x) / Double(n)
          return mode % 2 == 0 && mode > 0 ? sin(phase) : cos(phase)
        }
      case .neumann: (0..<n).map { cos(.pi * Double(mode) * (Double($0) + 0.5) / Double(n)) }
      case .dirichlet:
        (0..<n).map { sin(.pi * Double((mode + 1) * ($0 + 1)) / Double(n + 1)) }
      }
    let length = wave.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return wave.map { $0 / length }
  }
}
