import Foundation

/// `any`: a labelled dataset by its axes: one axis a line, two a map, more a grid of maps.
public enum AnyFigure {
  /// An axis as the archive labels it.
  public struct Axis: Sendable {
    /// Name with unit, and values along it.
    public var name: String, coordinates: [Double]

    /// An axis.
    public init(name: String, coordinates: [Double]) {
      (self.name, self.coordinates) = (name, coordinates)
    }
  }

  /// Draws `values` over `axes`, slowest first. At most 24 maps of the slower axes are drawn, evenly spaced, and the caption says so.
  public static func make(
    _ values: [Double], axes: [Axis], quantity: String, note: String = "", title: String,
    theme: Theme
  ) -> Figure {
    let finite = values.filter(\.isFinite)
    let missing = values.count(where: \.isNaN)
    let caption =
      "\(quantity). " + (note.isEmpty ? "\(values.count) values." : note)
      + (missing > 0 ? " \(missing) hold no number." : "")
    guard axes.count > 1 else {
      let x = axes.first?.coordinates ?? [0]
      var panels = [
        Panel.curves(
          [Curve("", x, values)], title: "", x: axes.first?.name ?? "",
          y: quantity.count > 60 ? "" : quantity, theme: theme)
      ]
      // Lowest and highest values of stretches have another distribution than all.
      if note.isEmpty {
        let (marks, _, counts) = Panel.histogram(values, theme.color(0).opacity(0.7))
        panels.append(
          Panel(
            title: "Histogram", x: .init(Scale(fitting: finite)), y: .init(counts, title: "count"),
            marks: marks))
      }
      return Figure(
        title: title, caption: caption, width: 520, height: 300,
        sections: [.init([panels])])
    }
    let (rows, columns) = (axes[axes.count - 2], axes[axes.count - 1])
    let plane = rows.coordinates.count * columns.coordinates.count
    let count = plane == 0 ? 0 : values.count / plane
    let shown = min(24, count)
    let chosen = (0..<shown).map { $0 * (count - 1) / max(shown - 1, 1) }
    // Rows of one map, or maps; only what no field of numbers in use spans is taken for a run that diverged.
    let slice = count > 1 ? plane : columns.coordinates.count
    let domain =
      finite.contains { abs($0) > 1e30 } && slice > 0
      ? FieldFigure.domain(
        of: stride(from: 0, to: values.count, by: slice).map {
          Array(values[$0..<min($0 + slice, values.count)])
        }, growth: 1e30) : FieldFigure.domain(finite)
    let map = FieldFigure.map(domain)
    let across = shown <= 3 ? max(shown, 1) : min(6, Int(Double(shown).squareRoot().rounded(.up)))
    let panels = chosen.enumerated().map { place, index in
      Panel.cells(
        Array(values[index * plane..<(index + 1) * plane]), rows: rows.coordinates.count,
        columns: columns.coordinates.count, map, domain,
        title: count > 1 ? name(index, Array(axes.dropLast(2))) : "",
        x: place + across >= shown ? columns.name : "", y: place % across == 0 ? rows.name : "",
        showsTicks: false)
    }.map { panel -> Panel in
      // Fill the space: the axes need not have one unit.
      var panel = panel
      let ratio = panel.aspect ?? 1
      if ratio > 3 || ratio < 1 / 3 { panel.aspect = nil }
      if shown == 1 {
        panel.x.ticks = ticks(columns, isDown: false)
        panel.y.ticks = ticks(rows, isDown: true)
      }
      return panel
    }
    let grid = stride(from: 0, to: panels.count, by: across).map {
      Array(panels[$0..<min($0 + across, panels.count)])
    }
    return Figure(
      title: title, caption: caption + (shown < count ? " \(shown) of \(count) maps." : ""),
      width: 560,
      height: 110 + (shown == 1 ? 300 : 110 * Double(max(grid.count, 1))),
      sections: [.init(grid, colorBar: .init(map, domain, title: quantity))])
  }

  /// Round values along an axis at their places among its cells; every so many cells where the values are not evenly spaced.
  private static func ticks(_ axis: Axis, isDown: Bool) -> [(value: Double, label: String)] {
    let values = axis.coordinates
    let count = values.count
    func place(_ cell: Double) -> Double { isDown ? Double(count) - cell : cell }
    let labels = FieldFigure.short(values)
    // Few cells have a label each: round numbers would lie between them.
    guard count > 6, let first = values.first, let last = values.last else {
      return labels.enumerated().map { (place(Double($0) + 0.5), $1) }
    }
    let step = (last - first) / Double(count - 1)
    let isEven =
      step != 0 && step.isFinite
      && values.indices.allSatisfy {
        abs(values[$0] - first - Double($0) * step) < 1e-6 * abs(last - first)
      }
    guard isEven else {
      return stride(from: 0, to: count, by: max(1, (count + 5) / 6)).map {
        (place(Double($0) + 0.5), labels[$0])
      }
    }
    let scale = Scale(.linear, min(first, last)...max(first, last))
    // An axis with its own ticks has no place for what they are counted from.
    guard scale.offset == 0 else {
      return stride(from: 0, to: count, by: max(1, (count + 5) / 6)).map {
        (place(Double($0) + 0.5), labels[$0])
      }
    }
    return (values.allSatisfy { $0 == $0.rounded() } ? scale.whole() : scale).ticks(6).map {
      (place(($0.value - first) / step + 0.5), $0.label)
    }
  }

  /// Where map `index` lies on the slower axes.
  private static func name(_ index: Int, _ axes: [Axis]) -> String {
    var (rest, parts) = (index, [String]())
    for axis in axes.reversed() {
      let place = rest % max(axis.coordinates.count, 1)
      rest /= max(axis.coordinates.count, 1)
      parts.insert("\(axis.name) \(FieldFigure.short(axis.coordinates)[place])", at: 0)
    }
    return parts.joined(separator: ", ")
  }
}
