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
      let curves = measure.after + measure.before.map(before)
      return Panel.curves(
        curves, title: measure.title, x: "depth-time", y: measure.axis,
        scale: .spread(curves.flatMap(\.y), including: measure.including), theme: theme)
    }
    let first = measures.first
    return Figure(
      title: title,
      caption:
        "Nulls: the same before training. Means over \(samples) held-out samples; u₀ is the embedding, ū the mean over positions. "
        + outcome,
      width: 520, height: 120 + 170 * Double(max((panels.count + 1) / 2, 1)),
      legend: Curve.keys(
        (first?.after ?? []) + (first?.before ?? []).map(before), theme: theme),
      sections: [.init(list: panels, across: 2)])
  }

  /// What nothing was learnt by yet is what learning is set against.
  private static func before(_ curve: Curve) -> Curve {
    var curve = curve
    curve.name += " before training"
    curve.isNull = true
    return curve
  }
}
