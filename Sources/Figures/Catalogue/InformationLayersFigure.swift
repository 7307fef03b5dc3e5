import Foundation

/// `information-layers`: I(X;T) and, where samples have labels, I(T;Y) over depth, at the start and the end of training, a row an estimator.
public enum InformationLayersFigure {
  /// Draws the planes of ``InformationPlaneFigure`` over depth-time.
  public static func make(
    _ planes: [InformationPlaneFigure.Plane], depthTimes: [Double], samples: Int, title: String,
    theme: Theme
  ) -> Figure {
    let limit = log(Double(max(samples, 2)))
    // One checkpoint has no beginning to be set beside.
    let isSeries = planes.contains { $0.input.count > 1 }
    let rows = planes.map { plane -> [Panel] in
      func panel(
        _ title: String, _ values: [[Double]], _ interval: [(Double, Double)], _ null: [Double]?
      ) -> Panel {
        let last = Curve(
          "last", depthTimes, values.last ?? [], lower: interval.map(\.0),
          upper: interval.map(\.1))
        var panel = Panel.curves(
          isSeries ? [Curve("first", depthTimes, values.first ?? []), last] : [last],
          title: "\(title), \(plane.estimator)", x: "depth-time", y: "nats",
          including: [0], theme: theme)
        if let null {
          panel.marks.append(.line(depthTimes, null, .init(theme.null, width: 1, dash: [3, 2])))
        }
        // A limit that no value comes near would squeeze the curves.
        if panel.y.scale.domain.upperBound > 0.6 * limit {
          panel.marks.append(.level(limit, theme.null, "ln n, where estimates saturate"))
          panel.y.scale = Scale(
            fitting: [panel.y.scale.domain.lowerBound, panel.y.scale.domain.upperBound],
            including: [limit])
        }
        return panel
      }
      let input = panel("I(X;T)", plane.input, plane.inputInterval, nil)
      guard !plane.label.isEmpty else { return [input] }
      return [input, panel("I(T;Y)", plane.label, plane.labelInterval, plane.labelNull)]
    }
    return Figure(
      title: title,
      caption: "\(samples) samples. Shaded: 95 % bootstrap; dashed: over shuffled labels. "
        + planes.map { "\($0.estimator): \($0.settings)." }.joined(separator: " "),
      width: 500, height: 120 + 170 * Double(max(planes.count, 1)),
      legend: (isSeries
        ? [.init("untrained", .init(theme.color(0))), .init("trained", .init(theme.color(1)))]
        : [.init("network", .init(theme.color(0)))])
        + [.init("null", .init(theme.null, width: 1, dash: [3, 2]))], sections: [.init(rows)])
  }
}
