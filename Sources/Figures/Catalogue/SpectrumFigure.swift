import Foundation

/// `spectrum`: power of a field's spatial modes over time or depth. Diffusion damps high modes; attention and reaction may feed them.
public enum SpectrumFigure {
  /// One field.
  public struct Field: Sendable {
    /// Words over the panel.
    public var name: String
    /// Mode numbers, and power of each at each time, `[time][mode]`.
    public var modes: [Double], power: [[Double]]

    /// A field.
    public init(name: String, modes: [Double], power: [[Double]]) {
      (self.name, self.modes, self.power) = (name, modes, power)
    }
  }

  /// Draws a panel a field, a line a time.
  public static func make(
    _ fields: [Field], times: [Double], time: String, caption: String, title: String, theme: Theme
  ) -> Figure {
    let low = times.first ?? 0
    let high = max(times.last ?? 1, low + 1e-12)
    let all = fields.flatMap { $0.power.flatMap { $0 } }.filter { $0.isFinite && $0 > 0 }
    // Powers below round-off would squeeze the rest.
    let floor = (all.max() ?? 1) * 1e-16
    let panels = fields.map { field in
      Panel(
        title: field.name, x: axis(field.modes),
        y: .init(Scale(fitting: all.filter { $0 > floor }, .log), title: "power"),
        marks: field.power.enumerated().map { index, power in
          let place = index < times.count ? (times[index] - low) / (high - low) : 0
          return .line(
            field.modes, power.map { $0 > floor ? $0 : .nan },
            .init(theme.sequence.color(place), width: 1.2))
        })
    }
    let across = min(3, max(1, panels.count))
    let rows = stride(from: 0, to: panels.count, by: across).map {
      Array(panels[$0..<min($0 + across, panels.count)])
    }
    return Figure(
      title: title, caption: caption, width: 150 + 190 * Double(across),
      height: 110 + 190 * Double(max(rows.count, 1)),
      sections: [.init(rows, colorBar: .init(theme.sequence, low...high, title: time))])
  }

  /// Few modes are ticked each.
  private static func axis(_ modes: [Double]) -> Panel.Axis {
    guard let last = modes.max(), last <= 20 else {
      return .init(Scale(fitting: modes, .log), title: "mode")
    }
    let step = last > 10 ? 2 : 1
    return .init(
      Scale(fitting: modes), title: "mode",
      ticks: modes.filter { Int($0) % step == 0 }.map { ($0, String(Int($0))) })
  }

  /// Power of each mode of one line of values, by the transform that belongs to its ends: a cosine transform (DCT-II) for closed
  /// ends, Fourier's for periodic ones, where a mode is a pair of waves. `n` values give modes 0 to n - 1, or n / 2.
  public static func power(_ line: [Double], isPeriodic: Bool) -> [Double] {
    let n = line.count
    return (0..<(isPeriodic ? n / 2 + 1 : n)).map { k in
      var (real, imaginary) = (0.0, 0.0)
      for (i, value) in line.enumerated() {
        let angle =
          isPeriodic
          ? 2 * Double.pi * Double(i * k % n) / Double(n)
          : Double.pi * Double((2 * i + 1) * k % (4 * n)) / Double(2 * n)
        real += value * cos(angle)
        if isPeriodic { imaginary += value * sin(angle) }
      }
      let isEnd = k == 0 || (isPeriodic && 2 * k == n)
      // So that the powers add up to the mean square.
      return (real * real + imaginary * imaginary) * (isEnd ? 1 : 2) / Double(n * n)
    }
  }

  /// Power of a plane of values by the distance of the mode from 0, rounded: modes 0 to the longer side.
  public static func power(
    _ plane: [Double], rows: Int, columns: Int, isPeriodic: Bool
  ) -> [Double] {
    func transform(_ n: Int) -> [[Double]] {
      // Orthonormal, so that the powers add up to the mean square.
      (0..<n).map { k in
        (0..<n).map { i in
          if isPeriodic {
            let wave = (k + 1) / 2
            let angle = 2 * Double.pi * Double(i * wave % n) / Double(n)
            let isEnd = k == 0 || 2 * wave == n
            return (k % 2 == 1 ? cos(angle) : k == 0 ? 1 : sin(angle))
              * (isEnd ? 1 : 2.0.squareRoot()) / Double(n).squareRoot()
          }
          let angle = Double.pi * Double((2 * i + 1) * k) / Double(2 * n)
          return cos(angle) * (k == 0 ? 1 : 2.0.squareRoot()) / Double(n).squareRoot()
        }
      }
    }
    let (down, across) = (transform(rows), transform(columns))
    var half = [Double](repeating: 0, count: rows * columns)
    for y in 0..<rows {
      for k in 0..<columns {
        for x in 0..<columns { half[y * columns + k] += plane[y * columns + x] * across[k][x] }
      }
    }
    var power = [Double](repeating: 0, count: max(rows, columns) + 1)
    for j in 0..<rows {
      for k in 0..<columns {
        var sum = 0.0
        for y in 0..<rows { sum += half[y * columns + k] * down[j][y] }
        let (a, b) = isPeriodic ? ((j + 1) / 2, (k + 1) / 2) : (j, k)
        let shell = min(power.count - 1, Int((Double(a * a + b * b)).squareRoot().rounded()))
        power[shell] += sum * sum / Double(rows * columns)
      }
    }
    return power
  }
}
