/// `comparison`: metrics of several runs, means over seeds with their intervals, variant by variant.
public enum ComparisonFigure {
  /// One metric.
  public struct Metric: Sendable {
    /// Words over the panel, and what it is at length.
    public var title: String, meaning: String
    /// Name of the axis it runs along; empty for a metric of single values.
    public var axis: String
    /// A curve a variant or trajectory; of single values, one point each at any x.
    public var curves: [Curve]

    /// A metric.
    public init(title: String, meaning: String, axis: String, curves: [Curve]) {
      (self.title, self.meaning, self.axis, self.curves) = (title, meaning, axis, curves)
    }
  }

  /// Draws a panel a metric, two beside each other.
  public static func make(
    _ metrics: [Metric], seeds: Int, title: String, theme: Theme
  ) -> Figure {
    var names: [String] = []
    for curve in metrics.flatMap(\.curves) where !names.contains(curve.name) {
      names.append(curve.name)
    }
    let panels = metrics.map { metric in
      metric.axis.isEmpty ? dots(metric, names, theme) : lines(metric, names, theme)
    }
    let across = min(2, max(1, panels.count))
    var rows = stride(from: 0, to: panels.count, by: across).map {
      Array(panels[$0..<min($0 + across, panels.count)])
    }
    // Dots of the same runs beside each other are named once.
    for row in rows.indices where rows[row].count == 2 {
      let pair = metrics[row * across..<row * across + 2]
      let lists = pair.map { $0.axis.isEmpty ? $0.curves.map(\.name) : [] }
      if lists[0] == lists[1], !lists[0].isEmpty {
        rows[row][1].y.ticks = rows[row][1].y.ticks?.map { ($0.value, "") }
      }
    }
    let hasLines = metrics.contains { !$0.axis.isEmpty }
    // A row of dots needs a line of text.
    let tallest =
      metrics.map { $0.axis.isEmpty ? 60 + 13 * Double($0.curves.count) : 190 }.max() ?? 190
    return Figure(
      title: title,
      caption:
        "Means over \(seeds) seeds; "
        + (hasLines ? "shaded" : "bars") + ": 95 % by Student's t over seeds. "
        + metrics.map { "\($0.title): \($0.meaning)." }.joined(separator: " "),
      width: across == 1 ? 420 : 600, height: 110 + tallest * Double(max(rows.count, 1)),
      legend: hasLines
        ? names.enumerated().map { .init($1, style($0, theme)) } : [],
      sections: [.init(rows)])
  }

  private static func style(_ index: Int, _ theme: Theme) -> Panel.LineStyle {
    // Past the colours, lines are told apart by their dashes.
    let dashes: [[Double]] = [[], [5, 2], [1.5, 1.5]]
    let dash = dashes[min(index / theme.series.count, dashes.count - 1)]
    return .init(theme.color(index), width: 1.3, dash: dash)
  }

  private static func lines(_ metric: Metric, _ names: [String], _ theme: Theme) -> Panel {
    var panel = Panel.curves(
      metric.curves, title: metric.title, x: metric.axis, y: "", theme: theme)
    panel.marks = metric.curves.flatMap { curve -> [Panel.Mark] in
      let line = style(names.firstIndex(of: curve.name) ?? 0, theme)
      let band: [Panel.Mark] =
        curve.lower.contains { $0.isFinite }
        ? [.band(curve.x, curve.lower, curve.upper, line.color.opacity(0.15))] : []
      return band + [
        .line(curve.x, curve.y, line),
        .points(curve.x, curve.y, line.color, radius: 2, hollow: false),
      ]
    }
    return panel
  }

  private static func dots(_ metric: Metric, _ names: [String], _ theme: Theme) -> Panel {
    let count = metric.curves.count
    let values = metric.curves.flatMap { $0.y + $0.lower + $0.upper }
    let marks = metric.curves.enumerated().flatMap { row, curve -> [Panel.Mark] in
      let color = theme.color(names.firstIndex(of: curve.name) ?? row)
      let y = Double(count - 1 - row)
      let ends = curve.lower.prefix(1) + curve.upper.prefix(1)
      let bar: [Panel.Mark] =
        ends.count == 2 && !ends.contains(where: \.isNaN)
        ? [.line(Array(ends), [y, y], .init(color, width: 1.6))] : []
      return bar + [.points(Array(curve.y.prefix(1)), [y], color, radius: 3, hollow: false)]
    }
    return Panel(
      title: metric.title, x: .init(Scale(fitting: values)),
      y: .categories(metric.curves.reversed().map(\.name)), marks: marks)
  }
}
