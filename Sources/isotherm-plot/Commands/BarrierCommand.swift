import Archive
import ArgumentParser
import Figures

/// `isotherm-plot barrier METRICS -o OUT.png`
struct BarrierCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "barrier", abstract: "Loss on the straight line between two networks.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm evaluate --against`"
  static let madeBy: String? = "isotherm evaluate RUN --against OTHER -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.evaluation.prefix
    try require(group + "chord", source)
    func numbers(_ name: String) throws -> [Double] { try source.numbers(group + name).elements }
    let loss = try numbers("loss")
    guard loss.count > 1 else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds one network; `isotherm evaluate NET --against OTHER -o NAME` follows the way to another"
      )
    }
    let fractions = try source.coordinates(group + "loss", "fraction", length: loss.count)
    let names = try source.texts(group + "null_name")
    let (losses, accuracies) = (try numbers("loss_null"), try numbers("accuracy_null"))
    return BarrierFigure.make(
      Curve(
        "on the way", fractions, loss, lower: try numbers("loss_lower"),
        upper: try numbers("loss_upper")), accuracy: try numbers("accuracy"),
      chord: try numbers("chord"), barrier: try numbers("barrier").first ?? .nan,
      nulls: names.indices.map { (Words.null(names[$0]), losses[$0], accuracies[$0]) },
      title: "Barrier: \(source.reader.title)", theme: options.theme.theme)
  }
}
