import Foundation

/// `gradients`: norm of each layer's gradient through training, and how it vanishes or explodes over depth.
public enum GradientsFigure {
  /// Draws `norms[step][layer]` at optimiser steps `steps`.
  public static func make(
    _ norms: [[Double]], steps: [Double], title: String, theme: Theme
  ) -> Figure {
    let layers = norms.first?.count ?? 0
    let columns = layers == 0 ? [] : (0..<layers).map { layer in norms.map { $0[layer] } }
    let colors = theme.sequence
    let last = Double(max(layers - 1, 1))
    let lines = columns.enumerated().map { layer, values -> Panel.Mark in
      .line(
        steps, TrainingFigure.smooth(values), .init(colors.color(Double(layer) / last), width: 1.3))
    }
    let axis = Panel.Axis(Scale(fitting: steps).whole(), title: "step")
    let logs = columns.flatMap { $0.map { $0 > 0 ? log10($0) : .nan } }
    let finite = logs.filter(\.isFinite)
    let domain = (finite.min() ?? -1)...max(finite.max() ?? 1, (finite.min() ?? -1) + 1e-9)
    let map = Panel(
      title: "log₁₀ of the gradient norm",
      x: .init(
        Scale(.linear, (steps.first ?? 1) - 0.5...max(steps.last ?? 1, steps.first ?? 1) + 0.5)
          .whole(), title: "step"),
      y: .init(
        Scale(.linear, 0...Double(max(layers, 1))), title: "layer",
        ticks: stride(from: 0, to: layers, by: max(1, (layers + 11) / 12)).map {
          (Double(layers - $0) - 0.5, String($0))
        }),
      marks: [
        .cells(logs, rows: layers, columns: norms.count, .magma, domain)
      ], hasGrid: false)
    let ratio = norms.map { row in
      (row.first ?? .nan) / max(row.last ?? .nan, .leastNormalMagnitude)
    }
    return Figure(
      title: title,
      caption:
        "Root of the summed squares of all gradients of a layer, before clipping; curves are running means over 1/40 of the "
        + "steps. Right: first over last layer, above 1 when gradients grow on their way back, below when they vanish.",
      width: 540, height: 400,
      sections: [
        .init([[map]], colorBar: .init(.magma, domain, title: "log₁₀ norm"), weight: 0.8),
        .init(
          [
            [
              Panel(
                title: "Norm of each layer", x: axis,
                y: .init(Scale(fitting: columns.flatMap { $0 }, .log), title: "gradient norm"),
                marks: lines),
              Panel(
                title: "First layer over last", x: axis,
                y: .init(Scale(fitting: ratio, .log, including: [1]), title: "ratio of norms"),
                marks: [
                  .line(steps, TrainingFigure.smooth(ratio), .init(theme.color(0))),
                  .level(1, theme.muted, "equal"),
                ]),
            ]
          ], colorBar: .init(colors, 0...last, title: "layer", isWhole: true)),
      ])
  }
}
