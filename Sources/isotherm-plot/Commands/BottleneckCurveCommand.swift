import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot bottleneck-curve INFORMATION -o OUT.png`
struct BottleneckCurveCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "bottleneck-curve",
    abstract: "What each depth knows of the label for what it holds of the input.")
  static let kinds: [RunSchema.Kind] = [.information]
  static let takes = "information of `isotherm inform`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let estimators = try source.reader.names(in: Layout.Information.estimates)
    let equations = try source.reader.names(in: Layout.Information.equations)
    guard let first = estimators.first else {
      throw ArchiveError(.layout, "\(source.reader.path): holds no estimates")
    }
    try source.require(
      "\(Layout.Information.estimates)/\(first)/label/value",
      "the samples have no labels; isotherm-plot information-layers shows I(X;T)")
    let content = try estimators.map { estimator in
      var trajectories = [
        try trajectory("network", "\(Layout.Information.estimates)/\(estimator)", source)
      ]
      for equation in equations {
        trajectories.append(
          try trajectory(equation, "\(Layout.Information.equation(equation))/\(estimator)", source))
      }
      let flags =
        try source.numbers("\(Layout.Information.estimates)/\(estimator)/input/flags", axes: 2).rows
        .last ?? []
      let isSaturated = !flags.isEmpty && flags.allSatisfy(FigureSource.isSaturated)
      return (
        name: Words.estimator(estimator) + (isSaturated ? ": saturated at ln n" : ""),
        trajectories: trajectories
      )
    }
    let entropy = try source.reader.attribute(
      "\(Layout.Information.estimates)/\(first)/label/value", "label_entropy")?.real
    return BottleneckCurveFigure.make(
      content, entropy: entropy ?? .nan,
      samples: try source.samples("\(Layout.Information.estimates)/\(first)/input/value"),
      title: "Bottleneck curve: \(source.reader.title)", theme: options.theme.theme)
  }

  private func trajectory(
    _ name: String, _ group: String, _ source: FigureSource
  ) throws -> BottleneckCurveFigure.Trajectory {
    func last(_ path: String) throws -> [Double] {
      guard let row = try source.numbers("\(group)/\(path)", axes: 2).rows.last else {
        throw ArchiveError(.layout, "\(source.reader.path): no checkpoint is estimated yet")
      }
      return row
    }
    return BottleneckCurveFigure.Trajectory(
      name: Words.candidate(name), input: try last("input/value"), label: try last("label/value"),
      null: try last("label/null"),
      inputInterval: Array(zip(try last("input/lower"), try last("input/upper"))),
      labelInterval: Array(zip(try last("label/lower"), try last("label/upper"))))
  }
}
