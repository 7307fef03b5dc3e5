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
    /// Whether chance gives values of both signs, as large as its null.
    public var isTwoSided: Bool

    /// A score.
    public init(
      title: String, axis: String, values: [Double], lower: [Double] = [], upper: [Double] = [],
      null: [Double], untrained: [Double] = [], isTwoSided: Bool = false
    ) {
      (self.title, self.axis, self.values) = (title, axis, values)
      (self.lower, self.upper) = (lower, upper)
      (self.null, self.untrained, self.isTwoSided) = (null, untrained, isTwoSided)
    }
  }

  /// Draws a panel a score; heads stand side by side, layer after layer, and network after network where there are several:
  /// `network` is the number of each head's, of those that `networks` names.
  public static func make(
    _ scores: [Score], layers: [Int], network: [Int] = [], networks: [String] = [],
    samples: Int, title: String, theme: Theme
  ) -> Figure {
    let network = network.isEmpty ? layers.map { _ in 0 } : network
    let count = max(1, (network.max() ?? 0) + 1)
    let x = layers.indices.map(Double.init)
    let starts = layers.indices.filter {
      $0 == 0 || layers[$0] != layers[$0 - 1] || network[$0] != network[$0 - 1]
    }
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
      let opposite = score.isTwoSided ? score.null.map { -$0 } : []
      let scale = Scale(
        fitting: score.values + score.lower + score.upper + score.null + opposite
          + score.untrained, including: [0])
      var marks: [Panel.Mark] = []
      // Every other layer on a ground of its own.
      for (index, start) in starts.enumerated() where index % 2 == 1 {
        let end = index + 1 < starts.count ? starts[index + 1] : layers.count
        marks.append(
          .bars(
            [Double(start + end - 1) / 2], base: [scale.domain.lowerBound],
            top: [scale.domain.upperBound], width: Double(end - start), theme.grid.opacity(0.55)))
      }
      for null in [score.null, opposite] where !null.isEmpty {
        marks.append(.line(x, null, theme.nullLine(1)))
      }
      if score.untrained.contains(where: \.isFinite) {
        marks.append(.points(x, score.untrained, theme.null, radius: 2, hollow: true))
      }
      for place in 0..<count {
        func own(_ values: [Double]) -> [Double] {
          values.indices.map { network[$0] == place ? values[$0] : .nan }
        }
        let color = theme.color(place)
        if !score.lower.isEmpty {
          marks.append(.errors(x, own(score.lower), own(score.upper), color.opacity(0.6)))
        }
        marks.append(.points(x, own(score.values), color, radius: 2.4, hollow: false))
      }
      return Panel(
        title: score.title, x: axis, y: .init(scale, title: score.axis), marks: marks)
    }
    let across = panels.count > 1 ? 2 : 1
    let rows = (panels.count + across - 1) / across
    let hasUntrained = scores.contains { $0.untrained.contains(where: \.isFinite) }
    let heads: [Figure.Key] = (0..<count).map {
      .init(networks.indices.contains($0) ? "heads of \(networks[$0])" : "head", theme.line($0))
    }
    let legend =
      heads + [.init("null: chance", theme.nullLine(1))]
      + (hasUntrained ? [.init("null: before training (rings)", theme.nullLine(0))] : [])
    let hasSamples = samples > 0 && scores.contains { !$0.lower.isEmpty }
    return Figure(
      title: title,
      caption:
        "Null: what chance gives: random matrices for what is read from weights (of both signs: 97.5 % lie within), all keys alike for what is read from maps."
        + (hasSamples ? " Bars: 95 % bootstrap over \(samples) samples." : ""),
      width: 110 + 270 * Double(across), height: 120 + 165 * Double(max(rows, 1)),
      legend: legend, sections: [.init(list: panels, across: across)])
  }
}
