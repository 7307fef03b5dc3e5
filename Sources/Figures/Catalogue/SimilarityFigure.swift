/// `similarity`: PDE against network attention per layer, with every null, and the skill that is left.
public enum SimilarityFigure {
  /// One measure of every candidate.
  public struct Measure: Sendable {
    /// Words, for example `raw cosine`.
    public var title: String
    /// `[candidate][layer]`, with 95 % interval.
    public var value: [[Double]], lower: [[Double]], upper: [[Double]]
    /// Skill of each model against the strongest null, `[model][layer]`, with interval.
    public var skill: [[Double]], skillLower: [[Double]], skillUpper: [[Double]]

    /// A measure.
    public init(
      title: String, value: [[Double]], lower: [[Double]], upper: [[Double]], skill: [[Double]],
      skillLower: [[Double]], skillUpper: [[Double]]
    ) {
      (self.title, self.value, self.lower, self.upper) = (title, value, lower, upper)
      (self.skill, self.skillLower, self.skillUpper) = (skill, skillLower, skillUpper)
    }
  }

  /// Draws measures for candidates `names`, of which `isNull` are nulls; layers are `layers`.
  public static func make(
    _ measures: [Measure], names: [String], isNull: [Bool], layers: [Int], samples: Int,
    parameters: [Int], title: String, theme: Theme
  ) -> Figure {
    let x = layers.map(Double.init)
    let axis = Panel.Axis(
      Scale(fitting: x), title: "layer", ticks: x.map { (value: $0, label: String(Int($0))) })
    let styles = Curve.styles(isNull, theme: theme).enumerated().map { index, style in
      isNull[index] ? style : Panel.LineStyle(style.color, width: 2, dash: style.dash)
    }
    let top = measures.map { measure -> Panel in
      var marks: [Panel.Mark] = []
      // Below the strongest null a similarity says nothing: shade it.
      let floor = layers.indices.map { layer in
        names.indices.filter { isNull[$0] }.map { measure.value[$0][layer] }.max() ?? 0
      }
      let isRaw = measure.title.hasPrefix("raw")
      let scale = Scale.likeness(
        measure.value.flatMap { $0 } + measure.lower.flatMap { $0 } + measure.upper.flatMap { $0 },
        including: isRaw ? [claim] : [])
      let bottom = layers.map { _ in scale.domain.lowerBound }
      marks.append(.band(x, bottom, floor, theme.null.opacity(0.13)))
      let order = names.indices.filter { isNull[$0] } + names.indices.filter { !isNull[$0] }
      for index in order {
        marks += Panel.marks(
          of: Curve(
            names[index], x, measure.value[index], lower: measure.lower[index],
            upper: measure.upper[index], isNull: isNull[index]), styles[index])
      }
      if isRaw {
        marks.append(.level(claim, theme.foreground, "\(claim), claimed for all layers"))
      }
      return Panel(
        title: measure.title.prefix(1).uppercased() + measure.title.dropFirst(), x: axis,
        y: .init(scale, title: "likeness to the network"), marks: marks)
    }
    let bottom = measures.map { measure -> Panel in
      let models = names.indices.filter { !isNull[$0] }
      var marks: [Panel.Mark] = [.level(0, theme.null, "strongest null, no better than that")]
      for (place, index) in models.enumerated() {
        marks += Panel.marks(
          of: Curve(
            names[index], x, measure.skill[place], lower: measure.skillLower[place],
            upper: measure.skillUpper[place]), styles[index])
      }
      let values = measure.skill + measure.skillLower + measure.skillUpper
      return Panel(
        title: "Skill, \(measure.title)", x: axis,
        y: .init(.likeness(values.flatMap { $0 }, including: [0]), title: "skill"), marks: marks)
    }
    let counts = zip(names, parameters).map { "\($0): \($1) parameters" }
    return Figure(
      title: title,
      caption:
        "\(samples) held-out samples, mean over heads and queries; shaded around lines: 95 % "
        + "bootstrap over samples; grey area: at or below the strongest null. "
        + "Skill: 1 − (1 − s)/(1 − s of the strongest null). "
        + counts.joined(separator: ", ") + ". One seed.",
      width: 540, height: 430,
      legend: names.indices.map {
        .init(isNull[$0] ? "null: \(names[$0])" : names[$0], styles[$0])
      },
      sections: [.init([top, bottom])])
  }

  /// What arXiv 2408.09523 claims of the cosine with the network's attention, in all layers.
  static let claim = 0.98
}
