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
    let styles = styles(names, isNull, theme)
    let top = measures.map { measure -> Panel in
      var marks: [Panel.Mark] = []
      // Below the strongest null a similarity says nothing: shade it.
      let floor = layers.indices.map { layer in
        names.indices.filter { isNull[$0] }.map { measure.value[$0][layer] }.max() ?? 0
      }
      let scale = Scale(
        fitting: measure.value.flatMap { $0 } + measure.upper.flatMap { $0 }, including: [1])
      let bottom = layers.map { _ in scale.domain.lowerBound }
      marks.append(.band(x, bottom, floor, theme.null.opacity(0.13)))
      for index in names.indices.reversed() {
        let style = styles[index]
        marks.append(
          .band(x, measure.lower[index], measure.upper[index], style.color.opacity(0.18)))
        marks.append(.line(x, measure.value[index], style))
        marks.append(
          .points(
            x, measure.value[index], style.color, radius: isNull[index] ? 1.6 : 2.6,
            hollow: isNull[index]))
      }
      if measure.title.hasPrefix("raw") {
        marks.append(.level(0.98, theme.foreground, "0.98, claimed for all layers"))
      }
      return Panel(
        title: measure.title.prefix(1).uppercased() + measure.title.dropFirst(), x: axis,
        y: .init(scale), marks: marks)
    }
    let bottom = measures.map { measure -> Panel in
      let models = names.indices.filter { !isNull[$0] }
      var marks: [Panel.Mark] = []
      for (place, index) in models.enumerated() {
        let style = styles[index]
        marks.append(
          .band(x, measure.skillLower[place], measure.skillUpper[place], style.color.opacity(0.2)))
        marks.append(.line(x, measure.skill[place], style))
        marks.append(.points(x, measure.skill[place], style.color, radius: 2.6, hollow: false))
      }
      marks.append(.level(0, theme.null, "no better than the strongest null"))
      let values = measure.skill + measure.skillLower + measure.skillUpper
      return Panel(
        title: "Skill, \(measure.title)", x: axis,
        y: .init(Scale(fitting: values.flatMap { $0 }, including: [0, 1])), marks: marks)
    }
    let counts = zip(names, parameters).map { "\($0): \($1) parameters" }
    return Figure(
      title: title,
      caption: "\(samples) held-out samples, mean over heads and queries; shaded lines: 95 % "
        + "bootstrap over samples; grey area: at or below the strongest null. "
        + "Skill: 1 − (1 − s)/(1 − s of the strongest null). "
        + counts.joined(separator: ", ") + ". One seed.",
      width: 540, height: 430,
      legend: names.indices.map {
        .init(isNull[$0] ? "null: \(names[$0])" : names[$0], styles[$0])
      },
      sections: [.init([top, bottom])])
  }

  private static func styles(
    _ names: [String], _ isNull: [Bool], _ theme: Theme
  ) -> [Panel.LineStyle] {
    var (models, nulls) = (0, 0)
    let dashes: [[Double]] = [[1, 2.2], [5, 2.5], [7, 2, 1.5, 2], [2.5, 2.5]]
    return names.indices.map { index in
      if isNull[index] {
        nulls += 1
        return Panel.LineStyle(
          theme.color(nulls), width: 1.1, dash: dashes[(nulls - 1) % dashes.count])
      }
      models += 1
      // Nulls have the colours after the first; further equations must not look like the first one.
      return Panel.LineStyle(theme.color([0, 6, 5][min(models, 3) - 1]), width: 2)
    }
  }
}
