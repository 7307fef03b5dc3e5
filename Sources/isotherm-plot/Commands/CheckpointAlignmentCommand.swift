import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot checkpoint-cka METRICS -o OUT.png`
struct CheckpointAlignmentCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint-cka", abstract: "Similarity of the weights of every two checkpoints.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze weights --changes` of one archive"
  static let madeBy: String? = "isotherm-analyze weights --changes RUN -o NAME"

  @OptionGroup var options: PlotOptions

  @Option(
    name: .customLong("matrix"),
    help: "Matrix to draw; * stands for anything; may be repeated (default: the first nine).")
  var matrices: [String] = []

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.changes.prefix
    try require(group + "cka_pairs", source)
    let names = try source.texts(group + "paired_matrix_name")
    let rows = try source.chosen(names, matrices)
    let shown = matrices.isEmpty ? Array(rows.prefix(9)) : rows
    let shape = try source.reader.describe(group + "cka_pairs").shape
    return CheckpointAlignmentFigure.make(
      try shown.map {
        (Words.matrix(names[$0]), try source.row(group + "cka_pairs", $0).elements)
      },
      count: shape.count == 3 ? shape[1] : 0, leftOut: rows.count - shown.count,
      title: "CKA of checkpoints: \(source.reader.title)", theme: options.theme.theme)
  }
}
