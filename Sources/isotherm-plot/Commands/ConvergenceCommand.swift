import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot convergence VERIFICATION -o OUT.png`
struct ConvergenceCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "convergence", abstract: "Observed orders of steppers beside the theoretical.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "a table of `isotherm verify dynamics -o`"
  static let madeBy: String? = "isotherm verify dynamics -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.verification.prefix
    try require(group + "name", source)
    let names = try source.texts(group + "name")
    let chosen = names.indices.filter { names[$0].hasPrefix("order in ") }
    guard !chosen.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): no orders are among its rows; `isotherm verify dynamics -o NAME` has them"
      )
    }
    func pick(_ name: String) throws -> [Double] {
      let values = try source.numbers(group + name).elements
      return chosen.map { values[$0] }
    }
    return ConvergenceFigure.make(
      chosen.map { String(names[$0].dropFirst("order in ".count)) },
      expected: try pick("expected"), found: try pick("found"), tolerance: try pick("tolerance"),
      title: "Orders of convergence", theme: options.theme.theme)
  }
}
