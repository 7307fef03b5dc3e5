import Foundation

/// `spectrum`: power of a field's spatial modes over time or depth. Diffusion damps high modes; attention and reaction may feed them.
public enum SpectrumFigure {
  /// One field.
  public struct Field: Sendable {
    /// Words over the panel.
    public var name: String
    /// Mode numbers, and power of each at each time, `[time][mode]`.
    public var modes: [Double], power: [[Double]]
    /// What rounding alone leaves in a mode, at each time; empty where that is unknown.
    public var floor: [Double]

    /// A field.
    public init(name: String, modes: [Double], power: [[Double]], floor: [Double] = []) {
      (self.name, self.modes, self.power, self.floor) = (name, modes, power, floor)
    }

    /// Powers as they are drawn: none below its time's floor.
    fileprivate var shown: [[Double]] {
      power.enumerated().map { time, powers in
        let floor = floor.indices.contains(time) ? floor[time] : 0
        return powers.map { $0 < floor ? floor : $0 }
      }
    }

    /// How many powers lie below their time's floor.
    fileprivate var countBelow: Int {
      zip(power, floor).reduce(0) { sum, row in
        sum + row.0.reduce(0) { $0 + ($1 < row.1 ? 1 : 0) }
      }
    }
  }

  /// Draws a panel a field, a line a time.
  public static func make(
    _ fields: [Field], times: [Double], time: String, caption: String, title: String, theme: Theme
  ) -> Figure {
    let span = Scale.span(times)
    let (low, high) = (span.lowerBound, span.upperBound)
    let all = fields.flatMap { $0.shown.flatMap { $0 } }.filter { $0.isFinite && $0 > 0 }
    let panels = fields.map { field in
      Panel(
        title: field.name, x: axis(field.modes),
        y: .init(Scale(fitting: all, .log), title: "power"),
        marks: field.shown.enumerated().map { index, power in
          let place = index < times.count ? (times[index] - low) / (high - low) : 0
          return .line(
            field.modes, power, .init(theme.sequence.color(place), width: 1.2))
        })
    }
    let below = fields.reduce(0) { $0 + $1.countBelow }
    let floor =
      below > 0
      ? " \(below) of \(fields.reduce(0) { $0 + $1.power.reduce(0) { $0 + $1.count } }) powers are 0 within rounding and drawn at "
        + "its floor, the lowest level of each line." : ""
    let across = min(3, max(1, panels.count))
    let rows = (panels.count + across - 1) / across
    return Figure(
      title: title, caption: caption + floor, width: 150 + 190 * Double(across),
      height: 110 + 190 * Double(max(rows, 1)),
      sections: [
        .init(
          list: panels, across: across,
          colorBar: .init(theme.sequence, low...high, title: time))
      ])
  }

  /// Few modes are ticked each.
  private static func axis(_ modes: [Double]) -> Panel.Axis {
    guard let last = modes.max(), last <= 20, modes.allSatisfy({ $0 == $0.rounded() }) else {
      return .init(Scale(fitting: modes, .log), title: "mode")
    }
    let step = last > 10 ? 2 : 1
    return .init(
      Scale(fitting: modes), title: "mode",
      ticks: modes.filter { Int($0) % step == 0 }.map { ($0, String(Int($0))) })
  }
}
