import Foundation

/// The modes that belong to the ends of a field: those that diffusion damps each at one rate.
public enum Modes: String, Sendable, CaseIterable {
  /// Fourier's, a pair of waves each.
  case periodic
  /// Cosines about the cells' middles, of closed ends (DCT-II).
  case neumann
  /// Sines that vanish one cell beyond the ends, where the field is held at 0 (DST-I).
  case dirichlet

  /// Words for a caption.
  public var words: String {
    switch self {
    case .periodic: "Fourier modes, of periodic ends"
    case .neumann: "Cosine modes, of closed ends"
    case .dirichlet: "Sine modes, of ends held at 0"
    }
  }

  /// Whether mode 0, a constant, is one of them.
  public var hasConstant: Bool { self != .dirichlet }

  /// Power of each mode of one line of values; they add up to its mean square. `n` values give modes 0 to n - 1, of periodic ends 0 to
  /// n / 2; of ends held at 0 the modes are 1 to n, and the power of mode 0 is 0. Quadratic in n.
  public func power(_ line: [Double]) -> [Double] {
    let n = line.count
    let period = period(n)
    let (cosines, sines) = (table(period, cos), table(period, sin))
    switch self {
    case .periodic:
      return (0..<n / 2 + 1).map { k in
        var (real, imaginary) = (0.0, 0.0)
        for (i, value) in line.enumerated() {
          real += value * cosines[i * k % n]
          imaginary += value * sines[i * k % n]
        }
        let isEnd = k == 0 || 2 * k == n
        return (real * real + imaginary * imaginary) * (isEnd ? 1 : 2) / Double(n * n)
      }
    case .neumann:
      return (0..<n).map { k in
        var real = 0.0
        for (i, value) in line.enumerated() { real += value * cosines[(2 * i + 1) * k % period] }
        return real * real * (k == 0 ? 1 : 2) / Double(n * n)
      }
    case .dirichlet:
      return [0]
        + (1...max(n, 1)).prefix(n).map { k in
          var sum = 0.0
          for (i, value) in line.enumerated() { sum += value * sines[(i + 1) * k % period] }
          return sum * sum * 2 / Double((n + 1) * n)
        }
    }
  }

  /// Power of a plane of values by the distance of the mode from 0, rounded: shells 0 to the longer side, and 1 more where the modes
  /// count from 1. What lies beyond is added to the last.
  public func power(_ plane: [Double], rows: Int, columns: Int) -> [Double] {
    let (down, across) = (transform(rows), transform(columns))
    var half = [Double](repeating: 0, count: rows * columns)
    for y in 0..<rows {
      for k in 0..<columns {
        var sum = 0.0
        for x in 0..<columns { sum += plane[y * columns + x] * across[k * columns + x] }
        half[y * columns + k] = sum
      }
    }
    var power = [Double](repeating: 0, count: max(rows, columns) + 1)
    for j in 0..<rows {
      for k in 0..<columns {
        var sum = 0.0
        for y in 0..<rows { sum += half[y * columns + k] * down[j * rows + y] }
        let (a, b) = (number(j), number(k))
        let shell = min(power.count - 1, Int((Double(a * a + b * b)).squareRoot().rounded()))
        power[shell] += sum * sum / Double(rows * columns)
      }
    }
    return power
  }

  /// The number of a transform's row.
  private func number(_ row: Int) -> Int {
    switch self {
    case .periodic: (row + 1) / 2
    case .neumann: row
    case .dirichlet: row + 1
    }
  }

  /// Orthonormal modes `[mode, cell]`, so that the powers add up to the mean square.
  private func transform(_ n: Int) -> [Double] {
    let period = period(n)
    let (cosines, sines) = (table(period, cos), table(period, sin))
    return (0..<n * n).map { place in
      let (row, i) = (place / n, place % n)
      let k = number(row)
      switch self {
      case .periodic:
        let isEnd = k == 0 || 2 * k == n
        return (row % 2 == 1 ? cosines[i * k % n] : k == 0 ? 1 : sines[i * k % n])
          * (isEnd ? 1 : 2.0.squareRoot()) / Double(n).squareRoot()
      case .neumann:
        return cosines[(2 * i + 1) * k % period] * (k == 0 ? 1 : 2.0.squareRoot())
          / Double(n).squareRoot()
      case .dirichlet:
        return sines[(i + 1) * k % period] * (2 / Double(n + 1)).squareRoot()
      }
    }
  }

  /// After how many steps of its angle a mode repeats.
  private func period(_ n: Int) -> Int {
    switch self {
    case .periodic: max(n, 1)
    case .neumann: 4 * max(n, 1)
    case .dirichlet: 2 * (n + 1)
    }
  }

  private func table(_ period: Int, _ wave: (Double) -> Double) -> [Double] {
    (0..<period).map { wave(2 * Double.pi * Double($0) / Double(period)) }
  }
}
