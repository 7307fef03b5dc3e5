import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot skill METRICS -o OUT.png`
struct SkillCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "skill", abstract: "Skill of each equation against the strongest null.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze attention`"
  static let madeBy: String? = "isotherm-analyze attention RUN FIELDS -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.attention.prefix
    try require(group + "raw_cosine/skill", source)
    let measures = try [
      ("raw_cosine", "raw cosine"), ("centred_cosine", "centred cosine"),
      ("rank_correlation", "rank correlation"),
    ].map { name, title in
      SkillFigure.Measure(
        title: title, value: try source.numbers(group + name + "/skill", axes: 2).rows,
        lower: try source.numbers(group + name + "/skill_lower", axes: 2).rows,
        upper: try source.numbers(group + name + "/skill_upper", axes: 2).rows)
    }
    let isNull = try source.numbers(group + "candidate_is_null").elements
    let names = try source.texts(group + "candidate_name")
    let samples = try source.samples(group + "raw_cosine/value")
    return SkillFigure.make(
      measures, models: names.indices.filter { isNull[$0] == 0 }.map { Words.candidate(names[$0]) },
      parameters: try source.integers(group + "parameter_count"),
      layers: try source.integers(group + "raw_cosine/layer"),
      samples: samples, title: "Skill: \(source.reader.title)", theme: options.theme.theme)
  }
}
