import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot stability METRICS -o OUT.png`
struct StabilityCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "stability",
    abstract: "Drift, growth and collapse over depth, before and after training.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze stability`"
  static let madeBy: String? = "isotherm-analyze stability RUN -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.stability.prefix
    try require(group + "drift_last", source)
    let names = try source.texts(group + "trajectory_name")
    let times = try source.coordinates(
      group + "drift_last", "depth_time",
      length: source.reader.describe(group + "drift_last").shape[1])
    func curves(_ name: String) throws -> [Curve] {
      zip(names, try source.numbers(group + name, axes: 2).rows).map {
        Curve(Words.candidate($0), times, $1)
      }
    }
    let measures = try [
      ("drift", "Drift", "‖u\u{a0}−\u{a0}u₀‖/‖u₀‖", [0.0]),
      ("cosine", "Direction", "cos(u,\u{a0}u₀)", [1.0]),
      ("log_growth", "Growth", "ln\u{a0}‖u‖/‖u₀‖", [0.0]),
      ("spread", "Positions apart", "‖u\u{a0}−\u{a0}ū‖/‖u‖", [0.0, 1.0]),
    ].map { name, title, axis, including in
      StabilityFigure.Measure(
        title: title, axis: axis, before: try curves(name + "_first"),
        after: try curves(name + "_last"), including: including)
    }
    let accuracy = try source.numbers(group + "test_accuracy").elements
    let diverged = try source.numbers(group + "diverged").elements
    let outcome = names.indices.map { index in
      "\(Words.candidate(names[index])): test accuracy \(Format.fixed(100 * accuracy[index], 1)) %"
        + (diverged[index] != 0 ? ", diverged" : "")
    }
    return StabilityFigure.make(
      measures, outcome: outcome.joined(separator: "; ") + ".",
      samples: try source.samples(group + "drift_last"),
      title: "Stability: \(source.reader.title)", theme: options.theme.theme)
  }
}
