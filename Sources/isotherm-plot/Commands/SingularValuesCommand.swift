import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot singular-values METRICS -o OUT.png`
struct SingularValuesCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "singular-values",
    abstract: "Spectra of weight matrices with power law and random edges.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze weights`"
  static let madeBy: String? = "isotherm-analyze weights RUN -o NAME"

  @OptionGroup var options: PlotOptions

  @Option(
    name: .customLong("matrix"),
    help: "Matrix to draw; * stands for anything; may be repeated (default: the first nine).")
  var matrices: [String] = []

  @Option(help: "Number of the checkpoint, from 0 (default: the last).")
  var checkpoint: Int?

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.weights.prefix
    try require(group + "singular_value", source)
    let names = try source.texts(group + "matrix")
    let checkpoints = try source.integers(group + "checkpoint")
    let last = checkpoint ?? checkpoints.max() ?? 0
    guard checkpoints.contains(last) else {
      throw UsageError(
        "--checkpoint \(last): \(source.reader.path) has 0 to \(checkpoints.max() ?? 0)")
    }
    let rows = try source.chosen(names, matrices).filter { checkpoints[$0] == last }
    let shown = matrices.isEmpty ? Array(rows.prefix(9)) : rows
    func numbers(_ name: String) throws -> [Double] { try source.numbers(group + name).elements }
    let (alpha, distance) = (try numbers("alpha"), try numbers("distance"))
    let (minimum, tail) = (try numbers("minimum"), try numbers("tail"))
    // Metrics of earlier versions had another name for the same.
    let edge = source.reader.contains(group + "squared_edge_lower") ? "squared_edge" : "edge"
    let (lower, upper) = (try numbers(edge + "_lower"), try numbers(edge + "_upper"))
    let spectra = try shown.map { row in
      SingularValuesFigure.Spectrum(
        name: Words.matrix(names[row]),
        values: try source.row(group + "singular_value", row).elements.filter(\.isFinite),
        alpha: alpha[row], distance: distance[row], minimum: minimum[row], tail: Int(tail[row]),
        edges: (lower[row], upper[row]))
    }
    return SingularValuesFigure.make(
      spectra, checkpoint: last, leftOut: rows.count - shown.count,
      title: "Singular values: \(source.reader.title)", theme: options.theme.theme)
  }
}
