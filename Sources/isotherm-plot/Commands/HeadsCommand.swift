import Archive
import ArgumentParser
import Figures

/// `isotherm-plot heads METRICS -o OUT.png`
struct HeadsCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "heads", abstract: "Scores of every attention head, beside what chance gives.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze heads`"
  static let madeBy: String? = "isotherm-analyze heads RUN -o NAME"

  @OptionGroup var options: PlotOptions

  private static let scores = [
    ("induction", "Induction", "attention"), ("previous", "Previous position", "attention"),
    ("first", "First position", "attention"), ("ov_copying", "OV copying", "Σλ / Σ|λ|"),
    ("entropy", "Entropy of a row", "nat"), ("distance", "Distance of query and key", "positions"),
  ]

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.heads.prefix
    try require(group + "head", source)
    func numbers(_ name: String) throws -> [Double] {
      source.reader.contains(group + name) ? try source.numbers(group + name).elements : []
    }
    let scores = try Self.scores.compactMap { name, title, axis -> HeadsFigure.Score? in
      let values = try numbers(name)
      guard values.contains(where: \.isFinite) else { return nil }
      return HeadsFigure.Score(
        title: title, axis: axis, values: values, lower: try numbers(name + "_lower"),
        upper: try numbers(name + "_upper"), null: try numbers(name + "_null"),
        untrained: try numbers(name + "_untrained"))
    }
    return HeadsFigure.make(
      scores, layers: try source.integers(group + "layer"),
      samples: try source.samples(group + "layer"), title: "Heads: \(source.reader.title)",
      theme: options.theme.theme)
  }
}
