import Archive
import ArgumentParser
import Figures

/// `isotherm-plot flow METRICS -o OUT.png`
struct FlowCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "flow", abstract: "The residual stream over depth, network and PDE side by side.")

  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze flow`"
  static let madeBy: String? = "isotherm-analyze flow RUN FIELDS -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.flow.prefix
    guard source.reader.contains(group + "position_norm") else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds no flow metrics; `isotherm-analyze flow RUN FIELDS "
          + "-o NAME` makes them")
    }
    let norms = try source.numbers(group + "position_norm", axes: 4)
    let (depths, rows, columns) = (norms.shape[1], norms.shape[2], norms.shape[3])
    func series(_ name: String) throws -> [[Double]] {
      try source.numbers(group + name, axes: 2).rows
    }
    let correlation = try (
      series("correlation"), series("correlation_lower"), series("correlation_upper")
    )
    let error = try (
      series("state_error"), series("state_error_lower"), series("state_error_upper")
    )
    let alignment = try source.numbers(group + "cka", axes: 3)
    let trajectories = try source.texts(group + "trajectory_name").enumerated().map { i, name in
      FlowFigure.Trajectory(
        name: Words.candidate(name), norms: (0..<depths).map { norms.row(i).row($0).elements },
        correlation: correlation.0[i], correlationLower: correlation.1[i],
        correlationUpper: correlation.2[i], error: error.0[i], errorLower: error.1[i],
        errorUpper: error.2[i], alignment: alignment.row(i).elements, isNull: Words.isNull(name))
    }
    let samples = try source.samples(group + "state_error")
    let title = "Information flow: \(source.reader.title)"
    return FlowFigure.make(
      trajectories, rows: rows, columns: columns, samples: samples, title: title,
      theme: options.theme.theme)
  }
}
