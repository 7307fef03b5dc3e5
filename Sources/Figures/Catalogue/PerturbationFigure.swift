import Foundation

/// `perturbation`: how perturbations grow over depth, network and PDE side by side, and what they do to attention and output.
public enum PerturbationFigure {
  /// One perturbation.
  public struct Condition: Sendable {
    /// Kind and size.
    public var kind: String, size: Double
    /// Growth over depth-time, a curve a trajectory, with interval.
    public var growth: [Curve]
    /// Change of attention, one a trajectory.
    public var attention: [Double]
    /// Share of the network's answers that change.
    public var flipped: Double

    /// A perturbation.
    public init(
      kind: String, size: Double, growth: [Curve], attention: [Double], flipped: Double
    ) {
      (self.kind, self.size, self.growth) = (kind, size, growth)
      (self.attention, self.flipped) = (attention, flipped)
    }
  }

  /// Draws a row a kind: growth over depth at its smallest size, growth at the end over sizes, attention over sizes.
  public static func make(
    _ conditions: [Condition], names: [String], samples: Int, title: String, theme: Theme
  ) -> Figure {
    var kinds: [String] = []
    for condition in conditions where !kinds.contains(condition.kind) {
      kinds.append(condition.kind)
    }
    let rows = kinds.map { kind -> [Panel] in
      let chosen = conditions.filter { $0.kind == kind }.sorted { $0.size < $1.size }
      let first = chosen.first { $0.growth.contains { $0.y.contains { $0.isFinite } } } ?? chosen[0]
      let axis = kind == "noise" ? "noise / rms of u₀" : "share of positions"
      func over(_ value: (Condition, Int) -> Double, _ title: String, _ y: String) -> Panel {
        var panel = Panel.curves(
          names.indices.map { t in
            Curve(names[t], chosen.map(\.size), chosen.map { value($0, t) })
          }, title: title, x: axis, y: y, including: [0], theme: theme)
        if kind == "noise" {
          panel.x = .init(Scale(fitting: chosen.map(\.size), .log), title: axis)
        }
        return panel
      }
      return [
        Panel.curves(
          first.growth, title: "Growth, \(kind) \(FieldFigure.short(first.size))", x: "depth-time",
          y: "‖δu‖/‖δu₀‖", including: [0], theme: theme),
        over({ $0.growth[$1].y.last ?? .nan }, "Growth at the end", "‖δu‖/‖δu₀‖"),
        over({ $0.attention[$1] }, "Change of attention", "total variation"),
      ]
    }
    return Figure(
      title: title,
      caption:
        "Geometric means over \(samples) held-out samples, those that were changed at all; shaded: 95 % bootstrap. "
        + "Attention: half the summed change of a row, mean over layers, heads and queries.",
      width: 560, height: 110 + 165 * Double(max(rows.count, 1)),
      legend: names.enumerated().map { .init($1, .init(theme.color($0))) }, sections: [.init(rows)])
  }
}
