import Foundation

/// `information-plane`: I(X;T) against I(T;Y) of every depth as training goes on, one panel an estimator.
public enum InformationPlaneFigure {
  /// One estimator's values.
  public struct Plane: Sendable {
    /// Name of the estimator and its settings.
    public var estimator: String, settings: String
    /// I(X;T), `[checkpoint][depth]`, nats.
    public var input: [[Double]]
    /// I(T;Y), `[checkpoint][depth]`, nats.
    public var label: [[Double]]
    /// I(T;Y) over shuffled labels at the last checkpoint, one a depth.
    public var labelNull: [Double]
    /// Intervals at the last checkpoint, one a depth.
    public var inputInterval: [(Double, Double)], labelInterval: [(Double, Double)]
    /// Whether I(X;T) is saturated at the last checkpoint, one a depth.
    public var saturated: [Bool]

    /// A plane.
    public init(
      estimator: String, settings: String, input: [[Double]], label: [[Double]],
      labelNull: [Double], inputInterval: [(Double, Double)], labelInterval: [(Double, Double)],
      saturated: [Bool]
    ) {
      (self.estimator, self.settings, self.input) = (estimator, settings, input)
      (self.label, self.labelNull, self.saturated) = (label, labelNull, saturated)
      (self.inputInterval, self.labelInterval) = (inputInterval, labelInterval)
    }
  }

  /// Draws the planes; depths are at `depthTimes`, `samples` is n.
  public static func make(
    _ planes: [Plane], depthTimes: [Double], samples: Int, title: String, theme: Theme
  ) -> Figure {
    let limit = log(Double(max(samples, 2)))
    let colors = theme.sequence
    let panels = planes.map { panel($0, depthTimes: depthTimes, limit: limit, theme) }
    let settings = planes.map { "\($0.estimator): \($0.settings)." }.joined(separator: " ")
    return Figure(
      title: title,
      caption: (planes.contains { $0.input.count > 1 }
        ? "Each path is one depth over training: ring, untrained; large disc, last checkpoint, "
        : "Each disc is one depth of the one checkpoint there is, ")
        + "with 95 % delete-half intervals; small grey ring below it, the same estimate "
        + "with shuffled labels, the null. \(samples) held-out samples. \(settings)",
      width: 290 * Double(max(planes.count, 1)) + 70, height: 340,
      sections: [
        .init([panels], colorBar: .init(colors, 0...1, title: "depth-time"))
      ])
  }

  /// One plane; without `limit`, ln n, its title says what it is.
  static func panel(
    _ plane: Plane, depthTimes: [Double], limit: Double?, _ theme: Theme
  ) -> Panel {
    let colors = theme.sequence
    var marks: [Panel.Mark] = []
    for (depth, time) in depthTimes.enumerated() {
      let color = colors.color(time)
      let x = plane.input.map { depth < $0.count ? $0[depth] : .nan }
      let y = plane.label.map { depth < $0.count ? $0[depth] : .nan }
      marks.append(.line(x, y, .init(color.opacity(0.75), width: 1)))
      if x.count > 2 {
        marks.append(
          .points(
            Array(x[1..<x.count - 1]), Array(y[1..<y.count - 1]), color, radius: 1.5,
            hollow: false))
      }
      marks.append(
        .points(Array(x.prefix(1)), Array(y.prefix(1)), color, radius: 2.6, hollow: true))
      marks.append(
        .points(Array(x.suffix(1)), Array(y.suffix(1)), color, radius: 3.2, hollow: false))
      if let endX = x.last, let endY = y.last, depth < plane.inputInterval.count,
        depth < plane.labelInterval.count, depth < plane.labelNull.count
      {
        let (a, b) = (plane.inputInterval[depth], plane.labelInterval[depth])
        marks.append(.line([a.0, a.1], [endY, endY], .init(color, width: 0.7)))
        marks.append(.line([endX, endX], [b.0, b.1], .init(color, width: 0.7)))
        marks.append(
          .points([endX], [plane.labelNull[depth]], theme.null, radius: 1.8, hollow: true))
      }
    }
    let lasts = plane.inputInterval.flatMap { [$0.0, $0.1] }
    let labels = plane.labelInterval.flatMap { [$0.0, $0.1] }
    let isSaturated = !plane.saturated.isEmpty && plane.saturated.allSatisfy { $0 }
    let title =
      limit.map { plane.estimator + (isSaturated ? ": saturated at ln n = \(fixed($0))" : "") }
      ?? "Information plane, \(plane.estimator)"
    return Panel(
      title: title,
      x: .init(
        Scale(fitting: plane.input.flatMap { $0 } + lasts), title: "I(X;T), nats"),
      y: .init(
        Scale(fitting: plane.label.flatMap { $0 } + labels + plane.labelNull, including: [0]),
        title: "I(T;Y), nats"), marks: marks)
  }

  private static func fixed(_ value: Double) -> String { String(format: "%.2f", value) }
}
