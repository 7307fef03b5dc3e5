/// `heads`: scores of every attention head, beside what the same heads would score by chance.
public enum HeadsFigure {
  /// One score of all heads.
  public struct Score: Sendable {
    /// Words over the panel, and of the vertical axis.
    public var title: String, axis: String
    /// `[head]`, with the 95 % interval; empty for none.
    public var values: [Double], lower: [Double], upper: [Double]
    /// What chance gives, `[head]`, and the network before training; empty for none.
    public var null: [Double], untrained: [Double]

    /// A score.
    public init(
      title: String, axis: String, values: [Double], lower: [Double] = [], upper: [Double] = [],
      null: [Double], untrained: [Double] = []
    ) {
      (self.title, self.axis, self.values) = (title, axis, values)
      (self.lower, self.upper) = (lower, upper)
      (self.null, self.untrained) = (null, untrained)
    }
  }

  /// Draws a panel a score; heads stand side by side, layer after layer.
  public static func make(
    _ scores: [Score], layers: [Int], samples: Int, title: String, theme: Theme
  ) -> Figure {
    let x = layers.indices.map(Double.init)
    let starts = layers.indices.filter { $0 == 0 || layers[$0] != layers[$0 - 1] }
    let step = max(1, (starts.count + 11) / 12)
    let ticks = stride(from: 0, to: starts.count, by: step).map { index -> (Double, String) in
      let start = starts[index]
      let end = index + 1 < starts.count ? starts[index + 1] : layers.count
      return (Double(start + end - 1) / 2, String(layers[start]))
    }
    let axis = Panel.Axis(
      Scale(.linear, -0.8...Double(max(layers.count, 1)) - 0.2), title: "heads of layer",
      ticks: ticks.map { (value: $0.0, label: $0.1) })
    let panels = scores.map { score in
      let scale = Scale(
        fitting: score.values + score.lower + score.upper + score.null + score.untrained,
        including: [0])
      var marks: [Panel.Mark] = []
      // Every other layer on a ground of its own.
      for (index, start) in starts.enumerated() where index % 2 == 1 {
        let end = index + 1 < starts.count ? starts[index + 1] : layers.count
        marks.append(
          .bars(
            [Double(start + end - 1) / 2], base: [scale.domain.lowerBound],
            top: [scale.domain.upperBound], width: Double(end - start), theme.grid.opacity(0.55)))
      }
      marks.append(.line(x, score.null, .init(theme.null, width: 1.2, dash: [3, 2.5])))
      if score.untrained.contains(where: \.isFinite) {
        marks.append(
          .points(x, score.untrained, theme.color(1), radius: 2.2, hollow: true))
      }
      if !score.lower.isEmpty {
        marks.append(.errors(x, score.lower, score.upper, theme.color(0).opacity(0.6)))
      }
      marks.append(.points(x, score.values, theme.color(0), radius: 2.4, hollow: false))
      return Panel(
        title: score.title, x: axis, y: .init(scale, title: score.axis), marks: marks)
    }
    let across = panels.count > 1 ? 2 : 1
    let rows = stride(from: 0, to: panels.count, by: across).map {
      Array(panels[$0..<min($0 + across, panels.count)])
    }
    var legend: [Figure.Key] = [
      .init("head", .init(theme.color(0), width: 2)),
      .init("null", .init(theme.null, width: 1.2, dash: [3, 2.5])),
    ]
    if scores.contains(where: { $0.untrained.contains(where: \.isFinite) }) {
      legend.append(.init("before training (rings)", .init(theme.color(1), width: 1.4)))
    }
    let hasSamples = samples > 0 && scores.contains { !$0.lower.isEmpty }
    return Figure(
      title: title,
      caption:
        "Null: what chance gives: random matrices for what is read from weights (97.5 % lie below), all keys alike for what is read from maps."
        + (hasSamples ? " Bars: 95 % bootstrap over \(samples) samples." : ""),
      width: 110 + 270 * Double(across), height: 120 + 165 * Double(max(rows.count, 1)),
      legend: legend, sections: [.init(rows)])
  }
}
