import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot field SOLUTION -o OUT.png`
struct FieldCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "field", abstract: "A field over time: space and time, or snapshots.")
  static let kinds: [RunSchema.Kind] = [.fields]
  static let takes = "a solution of `isotherm integrate`"
  static let madeBy: String? = "isotherm integrate PROBLEM.yaml -o NAME"

  @OptionGroup var options: PlotOptions

  @Option(help: "Channel of a field of several.")
  var channel = 0

  func make(_ source: FigureSource) throws -> Figure {
    let (solution, snapshots, rows, columns) = try content(source)
    return FieldFigure.make(
      snapshots, rows: rows, columns: columns, times: solution.times, energy: solution.energy,
      mass: solution.mass, ending: solution.ending, title: source.reader.title,
      theme: options.theme.theme)
  }

  /// Every snapshot, on one scale of colours.
  func frames(_ source: FigureSource) throws -> [() throws -> Figure] {
    let (solution, snapshots, rows, columns) = try content(source)
    let domain = FieldFigure.domain(of: snapshots)
    return zip(snapshots, solution.times).map { values, time in
      {
        FieldFigure.frame(
          values, rows: rows, columns: columns, domain: domain,
          time: "t = \(FieldFigure.short(time))", title: source.reader.title,
          theme: options.theme.theme)
      }
    }
  }

  private typealias Content = (
    solution: Solution, snapshots: [[Double]], rows: Int, columns: Int
  )

  private func content(_ source: FigureSource) throws -> Content {
    let solution = try Solution(source)
    guard !solution.axes.contains("token"), !solution.axes.contains("moment") else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds tokens, not a field; `isotherm-plot phase` draws them")
    }
    let isPlane = solution.axes.contains("y")
    let channels = solution.axes.contains("channel") ? solution.u.shape.last ?? 1 : 1
    guard (0..<channels).contains(channel) else {
      throw UsageError("--channel \(channel): the field has channels 0 to \(channels - 1)")
    }
    let (rows, columns) =
      isPlane ? (solution.u.shape[1], solution.u.shape[2]) : (1, solution.u.shape[1])
    let snapshots = (0..<solution.times.count).map { snapshot in
      stride(from: channel, to: rows * columns * channels, by: channels).map {
        solution.u.elements[snapshot * rows * columns * channels + $0]
      }
    }
    return (solution, snapshots, rows, columns)
  }
}
