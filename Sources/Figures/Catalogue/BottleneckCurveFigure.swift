import Foundation

/// `bottleneck-curve`: what each depth knows of the label for what it holds of the input, at the end of training.
public enum BottleneckCurveFigure {
  /// A network or an equation, by one estimator: a point a depth.
  public struct Trajectory: Sendable {
    /// Words of the legend.
    public var name: String
    /// I(X;T), I(T;Y) of each depth with intervals, nats, and I(T;Y) over shuffled labels.
    public var input: [Double], label: [Double], null: [Double]
    /// Ends of the intervals.
    public var inputInterval: [(Double, Double)], labelInterval: [(Double, Double)]

    /// A trajectory.
    public init(
      name: String, input: [Double], label: [Double], null: [Double],
      inputInterval: [(Double, Double)], labelInterval: [(Double, Double)]
    ) {
      (self.name, self.input, self.label, self.null) = (name, input, label, null)
      (self.inputInterval, self.labelInterval) = (inputInterval, labelInterval)
    }
  }

  /// Draws a panel an estimator; `entropy` is H(Y), the most that can be known, nats.
  public static func make(
    _ estimators: [(name: String, trajectories: [Trajectory])], entropy: Double, samples: Int,
    title: String, theme: Theme
  ) -> Figure {
    let panels = estimators.map { estimator in
      let marks = estimator.trajectories.enumerated().flatMap { index, item -> [Panel.Mark] in
        let color = theme.color(index)
        // The shuffled labels' estimate is the bias: what is above it is known.
        let known = zip(item.label, item.null).map { $0 - $1 }
        let bars = zip(item.input, zip(known, item.inputInterval)).map { x, rest in
          Panel.Mark.line(
            [rest.1.0, rest.1.1], [rest.0, rest.0], .init(color.opacity(0.5), width: 0.9))
        }
        let lower = zip(item.labelInterval, item.null).map { $0.0 - $1 }
        let upper = zip(item.labelInterval, item.null).map { $0.1 - $1 }
        return bars + [
          .errors(item.input, lower, upper, color.opacity(0.5)),
          .line(item.input, known, .init(color, width: 1)),
          .points(item.input, known, color, radius: 2.5, hollow: false),
          .points(
            Array(item.input.prefix(1)), Array(known.prefix(1)), theme.background, radius: 1.3,
            hollow: false),
        ]
      }
      let xs = estimator.trajectories.flatMap {
        $0.inputInterval.flatMap { [$0.0, $0.1] } + $0.input
      }
      let ys = estimator.trajectories.flatMap { item -> [Double] in
        let ends = zip(item.labelInterval, item.null).flatMap { [$0.0 - $1, $0.1 - $1] }
        let known = zip(item.label, item.null).map { $0 - $1 }
        return ends + known
      }
      return Panel(
        title: estimator.name, x: .init(Scale(fitting: xs), title: "I(X;T) [nat]"),
        y: .init(
          Scale(fitting: ys, including: [0, entropy]), title: "I(T;Y) above its null [nat]"),
        marks: [.level(0, theme.null, "null: shuffled labels")] + marks
          + [.level(entropy, theme.muted, "H(Y), all there is to know")])
    }
    let across = min(2, max(1, panels.count))
    let rows = (panels.count + across - 1) / across
    return Figure(
      title: title,
      caption:
        "Each point a depth, from the embedding (ring) on, at the last checkpoint; \(samples) samples, bars: 95 % by subsampling. "
        + "I(T;Y) less its mean over shuffled labels. Noise or bins are part of I(X;T), so the curve is of this noise only.",
      width: 120 + 250 * Double(across), height: 110 + 230 * Double(max(rows, 1)),
      legend: (estimators.first?.trajectories ?? []).enumerated().map {
        .init($1.name, .init(theme.color($0)))
      }, sections: [.init(list: panels, across: across)])
  }
}
