import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot composition METRICS -o OUT.png`
struct CompositionCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "composition", abstract: "Which heads read what earlier heads wrote: a graph.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze heads` of one network"
  static let madeBy: String? = "isotherm-analyze heads RUN -o NAME"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.heads.prefix
    try require(group + "query_composition", source)
    let kinds = try ["query", "key", "value"].map { name in
      CompositionFigure.Kind(
        name: name.prefix(1).uppercased() + name.dropFirst() + " composition",
        values: try source.numbers(group + name + "_composition", axes: 2).rows,
        null: try source.numbers(group + name + "_composition_null").elements.last ?? .nan)
    }
    let last = try source.texts(group + "later_head_name").last?.split(separator: ".") ?? []
    let counts = last.compactMap { Int($0) }.map { $0 + 1 }
    return CompositionFigure.make(
      kinds, layers: counts.first ?? 1, heads: counts.last ?? 1,
      title: "Composition of heads: \(source.reader.title)", theme: options.theme.theme)
  }
}
