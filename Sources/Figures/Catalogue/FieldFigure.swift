import Foundation

/// `field`: a field over time: one axis as a map of space and time, two as snapshots.
public enum FieldFigure {
  /// Draws snapshots `[time][y][x]` of `rows` x `columns` cells at `times`; `energy` and `mass` may be empty.
  public static func make(
    _ snapshots: [[Double]], rows: Int, columns: Int, times: [Double], energy: [Double],
    mass: [Double], ending: String, title: String, theme: Theme
  ) -> Figure {
    let finite = snapshots.flatMap { $0 }.filter(\.isFinite)
    let (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
    // Values of both signs around 0 are told apart by the diverging map.
    let isSigned = low < 0 && high > 0 && min(-low, high) > 0.1 * max(-low, high)
    let reach = max(-low, high)
    let domain = isSigned ? -reach...reach : low...max(high, low + 1e-12)
    let map: ColorMap = isSigned ? .diverging : .viridis
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
        x: .init(Scale(.linear, 0...Double(max(columns, 1))), title: "cell"),
        y: .init(
          Scale(.linear, (times.first ?? 0)...max(times.last ?? 1, 1e-12)), title: "time"),
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

  static func short(_ value: Double) -> String {
    String(format: "%.4g", value).replacing("-", with: "−")
  }
}
