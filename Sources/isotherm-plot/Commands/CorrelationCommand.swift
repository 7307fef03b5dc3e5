import Archive
import ArgumentParser
import Figures

/// `isotherm-plot correlation METRICS -o OUT.png`
struct CorrelationCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "correlation", abstract: "Correlation of successive states, network and PDE.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze flow`"
  static let madeBy: String? = "isotherm-analyze flow RUN FIELDS -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.flow.prefix
    try require(group + "correlation", source)
    let curves = try source.flowCurves("correlation", first: 1)
    let samples = try source.samples(group + "state_error")
    return CorrelationFigure.make(
      curves, samples: samples, title: "Successive states: \(source.reader.title)",
      theme: options.theme.theme)
  }
}
