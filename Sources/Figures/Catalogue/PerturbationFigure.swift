import Foundation

/// `perturbation`: how perturbations grow over depth, network and PDE side by side, and what they do to attention and output.
public enum PerturbationFigure {
  /// One perturbation.
  public struct Condition: Sendable {
    /// Kind and size, and both in words.
    public var kind: String, size: Double, name: String
    /// Growth over depth-time, a curve a trajectory, with interval.
    public var growth: [Curve]
    /// Change of attention, one a trajectory.
    public var attention: [Double]
    /// Share of the network's answers that change.
    public var flipped: Double

    /// A perturbation.
    public init(
      kind: String, size: Double, name: String, growth: [Curve], attention: [Double],
      flipped: Double
    ) {
      (self.kind, self.size, self.name, self.growth) = (kind, size, name, growth)
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
      let axis = kind == "noise" ? "noise, shares of the rms of u₀" : "share of positions"
      func over(
        _ value: (Condition, Int) -> Double, _ title: String, _ y: String, _ scale: Scale? = nil
      ) -> Panel {
        var panel = Panel.curves(
          names.indices.map { t in
            Curve(names[t], chosen.map(\.size), chosen.map { value($0, t) })
          }, title: title, x: axis, y: y, including: [0], scale: scale, theme: theme)
        if kind == "noise" {
          panel.x = .init(Scale(fitting: chosen.map(\.size), .log), title: axis)
        }
        return panel
      }
      // Factors: by their logarithm where one is many times another.
      func growth(_ values: [Double]) -> Scale {
        let sizes = values.filter { $0.isFinite && $0 > 0 }
        let isWide = (sizes.max() ?? 1) > 10 * (sizes.min() ?? 1)
        return Scale(
          fitting: values, isWide ? .log : .linear, including: isWide ? [1] : [0, 1])
      }
      return [
        Panel.curves(
          first.growth, title: "Growth, \(first.name)", x: "depth-time", y: "‖δu‖/‖δu₀‖",
          scale: growth(first.growth.flatMap { $0.y + $0.lower + $0.upper }), theme: theme),
        over(
          { $0.growth[$1].y.last ?? .nan }, "Growth at the end", "‖δu‖/‖δu₀‖",
          growth(chosen.flatMap { $0.growth.map { $0.y.last ?? .nan } })),
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
