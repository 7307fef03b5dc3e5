import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot information-plane INFORMATION -o OUT.png`
struct InformationPlaneCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "information-plane", abstract: "I(X;T) against I(T;Y) per depth over training.",
    discussion: """
      Of the network, or with --of of an equation that learned the task (isotherm inform RUN --fields of a fit with pde.objective=task \
      and pde.every=epoch).
      """)

  static let kinds: [RunSchema.Kind] = [.information]
  static let takes = "information of `isotherm inform`"

  @OptionGroup var options: PlotOptions

  @Option(help: "network, or an equation.")
  var of = "network"

  func make(_ source: FigureSource) throws -> Figure {
    let content = try Self.content(source, of)
    guard content.planes.allSatisfy({ !$0.label.isEmpty }) else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): the samples have no labels, so there is no I(T;Y); isotherm-plot information-layers shows I(X;T)"
      )
    }
    let whose = of == "network" ? "" : " of the \(Words.candidate(of))"
    return InformationPlaneFigure.make(
      content.planes, depthTimes: content.times, samples: content.samples,
      title: "Information plane\(whose): \(source.reader.title)", theme: options.theme.theme)
  }

  /// Planes of every estimator, depth-times and number of samples.
  static func content(_ source: FigureSource, _ name: String = "network") throws -> (
    planes: [InformationPlaneFigure.Plane], times: [Double], samples: Int
  ) {
    let equations = try source.reader.names(in: Layout.Information.equations)
    guard name == "network" || equations.contains(name) else {
      throw UsageError(
        "--of \(name): the file has \((["network"] + equations).joined(separator: ", "))")
    }
    let root = name == "network" ? Layout.Information.estimates : Layout.Information.equation(name)
    let estimators = try source.reader.names(in: root)
    guard let first = estimators.first else {
      throw ArchiveError(.layout, "\(source.reader.path): holds no estimates")
    }
    let planes = try estimators.map { try plane($0, root, source) }
    guard planes[0].input.isEmpty == false else {
      throw ArchiveError(.layout, "\(source.reader.path): no checkpoint is estimated yet")
    }
    let times = try source.numbers("\(root)/\(first)/input/depth_time").elements
    let samples = try source.samples("\(root)/\(first)/input/value")
    return (planes, times, samples)
  }

  private static func plane(
    _ estimator: String, _ root: String, _ source: FigureSource
  ) throws -> InformationPlaneFigure.Plane {
    let group = "\(root)/\(estimator)/"
    let input = try source.numbers(group + "input/value", axes: 2).rows
    // Captures need not have labels.
    let hasLabels = source.reader.contains(group + "label/value")
    let label = hasLabels ? try source.numbers(group + "label/value", axes: 2).rows : []
    func last(_ path: String) throws -> [Double] {
      try source.numbers(group + path, axes: 2).rows.last ?? []
    }
    let settings = try source.reader.attribute(group + "input/value", "settings")?.text ?? ""
    return InformationPlaneFigure.Plane(
      estimator: Words.estimator(estimator), settings: settings, input: input, label: label,
      labelNull: hasLabels ? try last("label/null") : [],
      inputInterval: Array(zip(try last("input/lower"), try last("input/upper"))),
      labelInterval: hasLabels
        ? Array(zip(try last("label/lower"), try last("label/upper"))) : [],
      saturated: try last("input/flags").map(FigureSource.isSaturated))
  }
}

/// `isotherm-plot information-layers INFORMATION -o OUT.png`
struct InformationLayersCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "information-layers", abstract: "I(X;T) and I(T;Y) over depth.")
  static let kinds: [RunSchema.Kind] = [.information]
  static let takes = "information of `isotherm inform`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let content = try InformationPlaneCommand.content(source)
    return InformationLayersFigure.make(
      content.planes, depthTimes: content.times, samples: content.samples,
      title: "Information over depth: \(source.reader.title)", theme: options.theme.theme)
  }
}
