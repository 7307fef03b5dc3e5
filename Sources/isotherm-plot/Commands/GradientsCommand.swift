import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot gradients RUN -o OUT.png`
struct GradientsCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradients", abstract: "Gradient norm of each layer through training.")
  static let kinds: [RunSchema.Kind] = [.run]

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    try source.require(
      Layout.Gradients.norm,
      "`isotherm train STUDY.yaml -o NAME` of this version records it at every step")
    let norms = try source.numbers(Layout.Gradients.norm, axes: 3)
    guard let steps = norms.shape.first, steps > 0 else {
      throw ArchiveError(.layout, "\(source.reader.path): no training step is recorded yet")
    }
    let layers = (0..<steps).map { step in
      norms.row(step).rows.map { groups in groups.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    }
    return GradientsFigure.make(
      layers, steps: (1...steps).map(Double.init), title: "Gradients: \(source.reader.title)",
      theme: options.theme.theme)
  }
}
