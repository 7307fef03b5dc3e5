import Archive
import ArgumentParser
import Figures

/// `isotherm-plot drift METRICS -o OUT.png`
struct DriftCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "drift",
    abstract: "Distance from the embedding over depth, and how far positions stay apart.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze flow`"
  static let madeBy: String? = "isotherm-analyze flow RUN FIELDS -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.flow.prefix
    try require(group + "drift", source)
    let measures = try [
      ("drift", "Drift", "‖u\u{a0}−\u{a0}u₀‖/‖u₀‖", [0.0]),
      ("cosine_first", "Direction", "cos(u,\u{a0}u₀)", [0, 1]),
      ("position_spread", "Positions apart", "‖u\u{a0}−\u{a0}ū‖/‖u‖", [0, 1]),
    ].map { name, title, axis, including in
      DriftFigure.Measure(
        title: title, axis: axis, curves: try source.flowCurves(name, first: 0),
        including: including)
    }
    let samples = try source.samples(group + "state_error")
    return DriftFigure.make(
      measures, samples: samples, title: "Drift: \(source.reader.title)",
      theme: options.theme.theme)
  }
}
