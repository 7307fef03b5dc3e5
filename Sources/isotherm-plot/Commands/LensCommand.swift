import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot lens METRICS -o OUT.png`
struct LensCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "lens", abstract: "Logit lens: loss over depth, and the rank of every right token."
  )
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze lens`"
  static let madeBy: String? = "isotherm-analyze lens RUN -o NAME"

  @OptionGroup var options: PlotOptions

  @Option(help: "Sample whose positions are drawn, from 0.")
  var sample = 0

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.lens.prefix
    try require(group + "rank", source)
    func numbers(_ name: String) throws -> [Double] { try source.numbers(group + name).elements }
    let shape = try source.reader.describe(group + "rank").shape
    guard shape.count == 3, (0..<shape[1]).contains(sample) else {
      throw UsageError(
        "--sample \(sample): \(source.reader.path) has \(shape.count == 3 ? shape[1] : 0), numbered from 0"
      )
    }
    let ranks = try source.part(
      group + "rank", start: [0, sample, 0], count: [shape[0], 1, shape[2]])
    let right = try source.part(group + "right_answer", start: [sample, 0], count: [1, shape[2]])
    // What stands behind the last right answer is padding.
    let count = (right.elements.lastIndex { $0.isFinite } ?? -1) + 1
    let width = shape[2]
    return LensFigure.make(
      .init(
        right: try numbers("loss"), shuffled: try numbers("loss_shuffled"),
        random: try numbers("loss_random"), untrained: try numbers("loss_untrained")),
      ranks: (0..<shape[0]).map { Array(ranks.elements[$0 * width..<$0 * width + count]) },
      words: right.elements.prefix(count).map { $0.isFinite ? String(Int($0)) : "" },
      sample: sample, samples: shape[1],
      depths: (0..<shape[0]).map { $0 == 0 ? "in" : String($0 - 1) },
      isOwnAnswer: source.reader.contains(group + "is_own_answer")
        ? try numbers("is_own_answer").contains(1) : false,
      title: "Logit lens: \(source.reader.title)", theme: options.theme.theme)
  }
}
