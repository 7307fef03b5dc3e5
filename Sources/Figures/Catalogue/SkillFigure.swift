/// `skill`: what of an equation's likeness to the network is left beyond the strongest null.
public enum SkillFigure {
  /// One measure's skill.
  public struct Measure: Sendable {
    /// Words.
    public var title: String
    /// `[model][layer]` with 95 % interval.
    public var value: [[Double]], lower: [[Double]], upper: [[Double]]

    /// A measure.
    public init(title: String, value: [[Double]], lower: [[Double]], upper: [[Double]]) {
      (self.title, self.value, self.lower, self.upper) = (title, value, lower, upper)
    }
  }

  /// Draws a panel a measure.
  public static func make(
    _ measures: [Measure], models: [String], parameters: [Int], layers: [Int], samples: Int,
    title: String, theme: Theme
  ) -> Figure {
    let x = layers.map(Double.init)
    let panels = measures.map { measure -> Panel in
      let curves = models.indices.map {
        Curve(models[$0], x, measure.value[$0], lower: measure.lower[$0], upper: measure.upper[$0])
      }
      var panel = Panel.curves(
        curves, title: measure.title.prefix(1).uppercased() + measure.title.dropFirst(),
        x: "layer", y: "skill",
        scale: .likeness(curves.flatMap { $0.y + $0.lower + $0.upper }, including: [0]),
        theme: theme)
      panel.marks.insert(.level(0, theme.null, "the strongest null"), at: 0)
      return panel
    }
    return Figure(
      title: title,
      caption:
        "Skill: 1 − (1 − s)/(1 − s of the strongest null), so 1 is the network itself and 0 no better than a map that knows "
        + "nothing of the sample. \(samples) held-out samples; shaded: 95 % bootstrap.",
      width: 110 + 190 * Double(max(measures.count, 1)), height: 280,
      legend: zip(models, parameters).enumerated().map { index, entry in
        .init("\(entry.0), \(entry.1) parameters", .init(theme.color(index)))
      }, sections: [.init([panels])])
  }
}
