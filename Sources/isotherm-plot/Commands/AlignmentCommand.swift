import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot cka METRICS -o OUT.png`
struct AlignmentCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "cka", abstract: "Similarity of every two depths, network and PDE.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze flow`"
  static let madeBy: String? = "isotherm-analyze flow RUN FIELDS -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.flow.prefix
    try require(group + "cka", source)
    let maps = try source.numbers(group + "cka", axes: 3)
    let names = try source.texts(group + "trajectory_name")
    let samples = try source.samples(group + "state_error")
    return AlignmentFigure.make(
      names.indices.map { maps.row($0).elements }, names: names.map(Words.candidate),
      depths: maps.shape[1],
      samples: samples, title: "CKA over depth: \(source.reader.title)",
      theme: options.theme.theme)
  }
}
