import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot terms FIELDS|SOLUTION -o OUT.png`
struct TermsCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "terms", abstract: "Size and share of diffusion, attention and reaction.")
  static let kinds: [RunSchema.Kind] = [.fields]
  static let takes = "fields of `isotherm fit`, or a solution"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    if source.reader.contains(Layout.Fields.solution.termSize) { return try solution(source) }
    let models = try source.reader.names(in: Layout.Fields.group).filter {
      source.reader.contains(Layout.Fields($0).termSize)
    }
    guard !models.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds no term sizes; fit a model with attention by this version")
    }
    let equations = try models.map { model in
      // [term, layer, sample]
      let sizes = try source.numbers(Layout.Fields(model).termSize, axes: 3)
      let (layers, samples) = (sizes.shape[1], sizes.shape[2])
      let terms = ["diffusion", "attention", "reaction"].enumerated().map { term, name in
        Curve(
          name, (0..<layers).map(Double.init),
          (0..<layers).map { layer in
            let start = (term * layers + layer) * samples
            return sizes.elements[start..<start + samples].reduce(0, +) / Double(max(samples, 1))
          })
      }
      return TermsFigure.Equation(name: Words.candidate(model), terms: terms)
    }
    return TermsFigure.make(
      equations, x: "layer's depth-time",
      caption:
        "Root mean square over positions and channels of each term of the right-hand side, mean over held-out samples. Terms "
        + "may point against each other, so shares are of the sum of sizes, not of the rate.",
      title: "Terms: \(source.reader.title)", theme: options.theme.theme)
  }

  private func solution(_ source: FigureSource) throws -> Figure {
    let sizes = try source.numbers(Layout.Fields.solution.termSize, axes: 2).rows
    let times = try source.numbers(Layout.Fields.solution.time).elements
    let names =
      try source.reader.attribute(Layout.Fields.solution.termSize, "flag_meanings")?.text?
      .split(separator: " ").map(String.init) ?? []
    let terms = names.enumerated().map { index, name in
      Curve(name, times, sizes.map { $0[index] })
    }
    return TermsFigure.make(
      [.init(name: "solution", terms: terms)], x: "time",
      caption:
        "Root mean square over the field of each term. Terms may point against each other, so shares are of the sum of sizes, "
        + "not of the rate.", title: "Terms: \(source.reader.title)", theme: options.theme.theme)
  }
}
