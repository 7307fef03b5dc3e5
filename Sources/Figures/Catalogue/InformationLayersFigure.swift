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
        var curves = [
          Curve(
            "trained", depthTimes, values.last ?? [], lower: interval.map(\.0),
            upper: interval.map(\.1))
        ]
        if let null { curves.append(Curve("shuffled", depthTimes, null, isNull: true)) }
        var panel = Panel.curves(
          curves, title: "\(title), \(plane.estimator)", x: "depth-time", y: "nats",
          including: [0], theme: theme)
        if isSeries, let first = values.first {
          // The second null, whether the first is there or not.
          let curve = Curve("untrained", depthTimes, first, isNull: true)
          panel.marks = Panel.marks(of: curve, theme.nullLine(1)) + panel.marks
          panel.y.scale = Scale(
            fitting: curves.flatMap { $0.y + $0.lower + $0.upper } + first, including: [0])
        }
        // A limit that no value comes near would squeeze the curves.
        if panel.y.scale.domain.upperBound > 0.6 * limit {
          panel.marks.append(.level(limit, theme.muted, "ln n, where estimates saturate"))
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
      caption: "\(samples) samples. Shaded: 95 % by delete-half subsampling. "
        + planes.map { "\($0.estimator): \($0.settings)." }.joined(separator: " "),
      width: 500, height: 120 + 170 * Double(max(planes.count, 1)),
      legend: [.init(isSeries ? "trained network" : "network", .init(theme.color(0)))]
        + (isSeries ? [.init("null: before training", theme.nullLine(1))] : [])
        + (planes.contains { !$0.label.isEmpty }
          ? [.init("null: shuffled labels", theme.nullLine(0))] : []),
      sections: [.init(rows)])
  }
}
