import Foundation

/// `field`: a field over time: one axis as a map of space and time, two as snapshots.
public enum FieldFigure {
  /// Draws snapshots `[time][y][x]` of `rows` x `columns` cells at `times`; `energy` and `mass` may be empty.
  public static func make(
    _ snapshots: [[Double]], rows: Int, columns: Int, times: [Double], energy: [Double],
    mass: [Double], ending: String, title: String, theme: Theme
  ) -> Figure {
    let domain = domain(of: snapshots)
    let map = map(domain)
    let pictures: Figure.Section
    if rows > 1 {
      let count = min(6, snapshots.count)
      let chosen = (0..<count).map { $0 * (snapshots.count - 1) / max(count - 1, 1) }
      let panels = chosen.map { index in
        Panel.cells(
          snapshots[index], rows: rows, columns: columns, map, domain,
          title: "t = \(short(times[index]))")
      }
      let width = count > 3 ? (count + 1) / 2 : count
      pictures = .init(
        stride(from: 0, to: count, by: width).map { Array(panels[$0..<min($0 + width, count)]) },
        colorBar: .init(map, domain, title: "u"), weight: 2)
    } else {
      let panel = Panel(
        title: "u(x, t)",
        x: .init(Scale(.linear, 0...Double(max(columns, 1))).whole(), title: "cell"),
        y: timeAxis(times),
        marks: [
          .cells(
            snapshots.reversed().flatMap { $0 }, rows: snapshots.count, columns: columns, map,
            domain)
        ], hasGrid: false)
      pictures = .init([[panel]], colorBar: .init(map, domain, title: "u"), weight: 2)
    }
    let series = [("Energy", energy), ("Mass", mass)].filter { !$0.1.isEmpty }.map { name, values in
      Panel.curves(
        [Curve(name, times, values)], title: name, x: "time", y: "", theme: theme)
    }
    return Figure(
      title: title, caption: "\(snapshots.count) snapshots; \(ending).", width: 500,
      height: series.isEmpty ? 320 : 460,
      sections: [pictures] + (series.isEmpty ? [] : [.init([series])]))
  }

  /// One moment of an animation: the field at `time`, on colours that are the same for all.
  public static func frame(
    _ values: [Double], rows: Int, columns: Int, domain: ClosedRange<Double>, time: String,
    title: String, theme: Theme
  ) -> Figure {
    let map = map(domain)
    let panel: Panel
    if rows > 1 {
      panel = .cells(values, rows: rows, columns: columns, map, domain, title: time)
    } else {
      panel = Panel(
        title: time, x: .init(Scale(.linear, 0...Double(max(columns, 1))).whole(), title: "cell"),
        y: .init(Scale(fitting: [domain.lowerBound, domain.upperBound]), title: "u"),
        marks: [.line(values.indices.map { Double($0) + 0.5 }, values, .init(theme.color(0)))])
    }
    return Figure(
      title: title, width: 400, height: rows > 1 ? 400 : 280,
      sections: [.init([[panel]], colorBar: rows > 1 ? .init(map, domain, title: "u") : nil)])
  }

  /// Rows of a map are equally high: snapshots at other times are named one by one.
  private static func timeAxis(_ times: [Double]) -> Panel.Axis {
    let span = Scale.span(times)
    let step = (span.upperBound - span.lowerBound) / Double(max(times.count - 1, 1))
    let isEven = times.indices.allSatisfy {
      abs(times[$0] - span.lowerBound - Double($0) * step) <= 0.5 * step
    }
    guard !isEven else { return .init(Scale(.linear, span), title: "time") }
    let ticks = stride(from: 0, to: times.count, by: max(1, (times.count + 5) / 6)).map {
      (value: Double($0) + 0.5, label: short(times[$0]))
    }
    return .init(Scale(.linear, 0...Double(times.count)), title: "time", ticks: ticks)
  }

  /// The ends of colours for values: symmetric around 0 where both signs matter.
  public static func domain(_ values: [Double]) -> ClosedRange<Double> {
    let range = Scale.range(values)
    let (low, high) = (range.lowerBound, range.upperBound)
    let isSigned = low < 0 && high > 0 && min(-low, high) > 0.1 * max(-low, high)
    let reach = max(-low, high)
    return isSigned ? -reach...reach : range
  }

  /// The ends of colours for snapshots: those that grew without bounds are left out, or all others would have one colour.
  ///
  /// - Parameter growth: how many times larger than the first and than half of the snapshots the largest must be.
  public static func domain(of snapshots: [[Double]], growth: Double = 1e6) -> ClosedRange<Double> {
    let sizes = snapshots.map { values in
      values.reduce(0.0) { $1.isFinite ? max($0, abs($1)) : $0 }
    }
    let usual = max(sizes.first ?? 0, quantile(sizes, 0.5) ?? 0)
    guard usual > 0, let largest = sizes.max(), largest / growth > usual else {
      return domain(snapshots.flatMap { $0 })
    }
    return domain(zip(snapshots, sizes).filter { $1 <= 10 * usual }.flatMap(\.0))
  }

  /// Diverging colours where the ends of ``domain(_:)`` are symmetric around 0.
  static func map(_ domain: ClosedRange<Double>) -> ColorMap {
    domain.lowerBound == -domain.upperBound ? .diverging : .viridis
  }

  /// Four significant digits with a true minus sign.
  public static func short(_ value: Double) -> String { short(value, digits: 4) }

  private static func short(_ value: Double, digits: Int) -> String {
    String(format: "%.\(digits)g", value).replacing("inf", with: "∞").replacing("-", with: "−")
  }

  /// Each value with four significant digits, or as many more as tell all apart.
  static func short(_ values: [Double]) -> [String] {
    let count = Set(values).count
    var labels = values.map { short($0) }
    for digits in 5...17 where Set(labels).count < count {
      labels = values.map { short($0, digits: digits) }
    }
    return labels
  }
}
