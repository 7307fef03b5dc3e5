import Archive
import ArgumentParser
import Arrays
import Figures
import Foundation

/// `isotherm-plot perturbation METRICS -o OUT.png`
struct PerturbationCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "perturbation",
    abstract: "Growth of perturbations over depth, network and PDE side by side.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze perturbation`"
  static let madeBy: String? = "isotherm-analyze perturbation PERTURBATION -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.perturbation.prefix
    try require(group + "log_growth", source)
    let (mean, lower, upper) = (
      try source.numbers(group + "log_growth", axes: 3),
      try source.numbers(group + "log_growth_lower", axes: 3),
      try source.numbers(group + "log_growth_upper", axes: 3)
    )
    let names = try source.texts(group + "trajectory_name")
    let times = try source.coordinates(group + "log_growth", "depth_time", length: mean.shape[2])
    let attention = try source.numbers(group + "attention_change", axes: 2).rows
    let flipped = try source.numbers(group + "flipped").elements
    let sizes = try source.numbers(group + "size").elements
    let conditions = try source.texts(group + "condition_name").enumerated().map { c, name in
      let kind = String(name.split(separator: " ").first ?? "")
      return PerturbationFigure.Condition(
        kind: kind, size: sizes[c], name: Words.perturbation(kind, sizes[c]),
        growth: names.indices.map { t in
          func values(_ array: NDArray<Double>) -> [Double] {
            array.row(c).row(t).elements.map { exp($0) }
          }
          return Curve(
            Words.candidate(names[t]), times, values(mean), lower: values(lower),
            upper: values(upper))
        }, attention: attention[c], flipped: flipped[c])
    }
    let samples = try source.samples(group + "log_growth")
    return PerturbationFigure.make(
      conditions, names: names.map(Words.candidate), samples: samples,
      title: "Perturbations: \(source.reader.title)", theme: options.theme.theme)
  }
}
