/// `drift`: how far states go from the embedding over depth, and whether positions stay apart.
public enum DriftFigure {
  /// One measure of every trajectory.
  public struct Measure: Sendable {
    /// Words, and name of the axis.
    public var title: String, axis: String
    /// A curve a trajectory.
    public var curves: [Curve]
    /// Values that the axis must show.
    public var including: [Double]

    /// A measure.
    public init(title: String, axis: String, curves: [Curve], including: [Double]) {
      (self.title, self.axis, self.curves) = (title, axis, curves)
      self.including = including
    }
  }

  /// Draws a panel a measure.
  public static func make(
    _ measures: [Measure], samples: Int, title: String, theme: Theme
  ) -> Figure {
    let panels = measures.map {
      Panel.curves(
        $0.curves, title: $0.title, x: "depth", y: $0.axis,
        scale: .spread(
          $0.curves.flatMap { $0.y + $0.lower + $0.upper }, including: $0.including),
        theme: theme)
    }
    return Figure(
      title: title,
      caption:
        "u₀ is the embedding, ū the mean over positions. Mean over \(samples) held-out samples; shaded: 95 % bootstrap.",
      width: 110 + 190 * Double(max(measures.count, 1)), height: 280,
      legend: Curve.keys(measures.first?.curves ?? [], theme: theme), sections: [.init([panels])])
  }
}
