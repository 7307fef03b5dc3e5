/// `stability`: drift, direction, growth and collapse of states over depth, before and after training.
public enum StabilityFigure {
  /// One measure of every trajectory.
  public struct Measure: Sendable {
    /// Words, and name of the axis.
    public var title: String, axis: String
    /// A curve a trajectory, before training and after it.
    public var before: [Curve], after: [Curve]
    /// Values that the axis must show.
    public var including: [Double]

    /// A measure.
    public init(
      title: String, axis: String, before: [Curve], after: [Curve], including: [Double] = []
    ) {
      (self.title, self.axis, self.before, self.after) = (title, axis, before, after)
      self.including = including
    }
  }

  /// Draws a panel a measure, two beside each other; `outcome` says how the training went.
  public static func make(
    _ measures: [Measure], outcome: String, samples: Int, title: String, theme: Theme
  ) -> Figure {
    let panels = measures.map { measure -> Panel in
      var panel = Panel.curves(
        measure.after, title: measure.title, x: "depth-time", y: measure.axis,
        including: measure.including, theme: theme)
      let all = (measure.before + measure.after).flatMap(\.y)
      panel.y.scale = Scale(fitting: all, including: measure.including)
      for (index, curve) in measure.before.enumerated() {
        panel.marks.append(
          .line(curve.x, curve.y, .init(theme.color(index), width: 1.1, dash: [4, 2.5])))
      }
      return panel
    }
    let rows = stride(from: 0, to: panels.count, by: 2).map {
      Array(panels[$0..<min($0 + 2, panels.count)])
    }
    return Figure(
      title: title,
      caption:
        "Dashed: before training. Means over \(samples) held-out samples; u₀ is the embedding, ū the mean over positions. "
        + outcome,
      width: 520, height: 120 + 170 * Double(max(rows.count, 1)),
      legend: (measures.first?.after ?? []).enumerated().map {
        .init($1.name, .init(theme.color($0)))
      }, sections: [.init(rows)])
  }
}
