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
    /// Between which numbers it can only be: intervals end there. Whether it is a likeness, 1 for the same; a value that is claimed
    /// of it.
    public var bounds: ClosedRange<Double>, isLikeness: Bool, claim: Double?

    /// A metric.
    public init(
      title: String, meaning: String, axis: String, curves: [Curve],
      bounds: ClosedRange<Double> = -.infinity ... .infinity, isLikeness: Bool = false,
      claim: Double? = nil
    ) {
      (self.title, self.meaning, self.axis) = (title, meaning, axis)
      (self.isLikeness, self.claim) = (isLikeness, claim)
      // A mean beyond them says that they are none.
      let isBound = curves.flatMap(\.y).allSatisfy { $0.isNaN || bounds.contains($0) }
      let bounds = isBound ? bounds : -.infinity ... .infinity
      self.bounds = bounds
      // Student's t knows no bounds.
      self.curves = curves.map { curve in
        var curve = curve
        curve.lower = curve.lower.map { $0.isNaN ? $0 : max($0, bounds.lowerBound) }
        curve.upper = curve.upper.map { $0.isNaN ? $0 : min($0, bounds.upperBound) }
        return curve
      }
    }

    /// The curves with intervals that end where the axis does: what a logarithmic one cannot show would leave a gap.
    fileprivate func curves(on scale: Scale) -> [Curve] {
      func end(_ value: Double) -> Double {
        value.isNaN ? value : min(max(value, scale.domain.lowerBound), scale.domain.upperBound)
      }
      return curves.map { curve in
        var curve = curve
        (curve.lower, curve.upper) = (curve.lower.map(end), curve.upper.map(end))
        return curve
      }
    }

    /// Its axis: of a likeness that comes near 1, by the distance from there.
    fileprivate var scale: Scale {
      let claimed = claim.map { [$0] } ?? []
      let values = curves.flatMap { $0.y + $0.lower + $0.upper }
      // An interval that ends at 1 leaves the axis there.
      if isLikeness { return .likeness(values.filter { $0 < 1 }, including: claimed) }
      let means = curves.flatMap(\.y).filter(\.isFinite)
      let (low, high) = (means.min() ?? 0, means.max() ?? 0)
      // Over many magnitudes, an interval that ends at 0 leaves the axis there.
      guard low > 0, high > 30 * low else { return .spread(values, including: claimed) }
      return Scale(fitting: means + values.filter { $0 >= low / 3 }, .log)
    }
  }

  /// Models whose lines can be told apart.
  private static let mostStyles = 18

  /// Draws a panel a metric, two beside each other.
  public static func make(
    _ metrics: [Metric], seeds: Int, title: String, theme: Theme
  ) -> Figure {
    var (names, isNull) = ([String](), [Bool]())
    for curve in metrics.flatMap(\.curves) where !names.contains(curve.name) {
      names.append(curve.name)
      isNull.append(curve.isNull)
    }
    let styles = Dictionary(
      zip(names, Curve.styles(isNull, theme: theme)), uniquingKeysWith: { first, _ in first })
    let panels = metrics.map { metric in
      metric.axis.isEmpty ? dots(metric, styles, theme) : lines(metric, styles, theme)
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
        + (hasLines ? "shaded" : "bars") + ": 95 % by Student's t over seeds"
        + (metrics.contains { $0.bounds != -.infinity ... .infinity }
          ? ", as far as a value can be" : "") + ". "
        + (hasLines && isNull.count(where: { !$0 }) > mostStyles
          ? "More than \(mostStyles) lines: some look alike. " : "")
        + metrics.map { "\($0.title): \($0.meaning)." }.joined(separator: " "),
      width: across == 1 ? 420 : 600, height: 110 + tallest * Double(max(rows.count, 1)),
      legend: hasLines
        ? zip(names, isNull).compactMap { name, isNull in
          styles[name].map { .init(isNull ? "null: \(name)" : name, $0) }
        } : [],
      sections: [.init(rows)])
  }

  private static func lines(
    _ metric: Metric, _ styles: [String: Panel.LineStyle], _ theme: Theme
  ) -> Panel {
    let scale = metric.scale
    let curves = metric.curves(on: scale)
    var panel = Panel.curves(
      curves, title: metric.title, x: metric.axis, y: "", scale: scale, theme: theme)
    let nulls = curves.filter(\.isNull)
    panel.marks = (nulls + curves.filter { !$0.isNull }).flatMap { curve in
      Panel.marks(of: curve, styles[curve.name] ?? theme.line(0))
    }
    if let claim = metric.claim {
      panel.marks.append(.level(claim, theme.foreground, "\(claim), claimed for all layers"))
    }
    return panel
  }

  private static func dots(
    _ metric: Metric, _ styles: [String: Panel.LineStyle], _ theme: Theme
  ) -> Panel {
    let count = metric.curves.count
    let scale = metric.scale
    let marks = metric.curves(on: scale).enumerated().flatMap { row, curve -> [Panel.Mark] in
      let style = styles[curve.name] ?? theme.line(row)
      let y = Double(count - 1 - row)
      let ends = Array(curve.lower.prefix(1) + curve.upper.prefix(1))
      let bar: [Panel.Mark] =
        ends.count == 2 && !ends.contains(where: \.isNaN)
        ? [
          .line(ends, [y, y], .init(style.color, width: 1.6, dash: curve.isNull ? style.dash : []))
        ] : []
      return bar + [
        .points(
          Array(curve.y.prefix(1)), [y], style.color, radius: curve.isNull ? 2.2 : 3,
          hollow: curve.isNull)
      ]
    }
    return Panel(
      title: metric.title, x: .init(scale),
      y: .categories(metric.curves.reversed().map(\.name)), marks: marks)
  }
}
