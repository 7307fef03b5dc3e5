import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot similarity METRICS -o OUT.png`
struct SimilarityCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "similarity", abstract: "PDE against network attention per layer, with every null."
  )

  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze attention`"
  static let madeBy: String? = "isotherm-analyze attention RUN FIELDS -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.attention.prefix
    guard source.reader.contains(group + "raw_cosine/value") else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds no attention metrics; `isotherm-analyze attention "
          + "RUN FIELDS -o NAME` makes them")
    }
    let measures = try [("raw_cosine", "raw cosine"), ("centred_cosine", "centred cosine")].map {
      name, title in
      func rows(_ part: String) throws -> [[Double]] {
        try source.numbers(group + name + "/" + part, axes: 2).rows
      }
      return SimilarityFigure.Measure(
        title: title, value: try rows("value"), lower: try rows("lower"),
        upper: try rows("upper"), skill: try rows("skill"), skillLower: try rows("skill_lower"),
        skillUpper: try rows("skill_upper"))
    }
    let layers = try source.integers(group + "raw_cosine/layer")
    let samples = try source.samples(group + "raw_cosine/value")
    return SimilarityFigure.make(
      measures, names: try source.texts(group + "candidate_name").map(Words.candidate),
      isNull: try source.numbers(group + "candidate_is_null").elements.map { $0 != 0 },
      layers: layers, samples: samples,
      parameters: try source.integers(group + "parameter_count"),
      title: "PDE against network: \(source.reader.title)",
      theme: options.theme.theme)
  }
}
