import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot phase SOLUTION -o OUT.png`
struct PhaseCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "phase", abstract: "Tokens under attention: paths, spread and energy.")
  static let kinds: [RunSchema.Kind] = [.fields]
  static let takes = "a solution of `isotherm integrate`"
  static let madeBy: String? = "isotherm integrate PROBLEM.yaml -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let solution = try Solution(source)
    guard solution.axes.contains("token") else {
      throw ArchiveError(
        .layout, "\(source.reader.path): holds no tokens; `isotherm-plot field` draws fields")
    }
    let positions = (0..<solution.times.count).map { solution.u.row($0).elements }
    let dimension = solution.u.shape[2]
    let isSphere = stride(from: 0, to: positions[0].count, by: dimension).allSatisfy { token in
      let square = positions[0][token..<token + dimension].reduce(0) { $0 + $1 * $1 }
      return abs(square - 1) < 1e-9
    }
    return PhaseFigure.make(
      positions, dimension: dimension, times: solution.times, isSphere: isSphere,
      energy: solution.energy, ending: solution.ending, title: source.reader.title,
      theme: options.theme.theme)
  }
}
