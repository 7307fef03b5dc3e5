import Archive
import ArgumentParser
import Console
import Figures

/// `isotherm-plot attention-input RUN [FIELDS] -o OUT.png`
struct AttentionInputCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention-input",
    abstract: "Attention on the input itself: an image's patches, or a text's tokens.",
    discussion: """
      Without --head, the two heads whose attention differs most from key to key, of different layers. With the fields that were \
      fitted to the run, an equation's maps stand beside the network's.
      """)
  static let kinds: [RunSchema.Kind] = [.run]
  static let takesCompanions = true

  @OptionGroup var options: PlotOptions

  @Argument(help: "Fields of the run, for an equation's maps beside the network's.")
  var companions: [String] = []

  @Option(help: "Captured sample, from 0.")
  var sample = 0

  @Option(
    name: .customLong("head"), help: "Layer and head, from 0, for example 3.1; may be repeated.")
  var heads: [HeadName] = []

  @Option(help: "Query whose attention is shown, from 0 (default: the mean over all).")
  var query: Int?

  @Option(help: "Equation beside the network (default: modulated, or the last that has maps).")
  var model: String?

  func make(_ source: FigureSource) throws -> Figure {
    let fields = source.beside.first { $0.reader.kind == .fields }
    guard model == nil || fields != nil else {
      throw UsageError(
        "--model takes the fields of the run: `isotherm-plot attention-input RUN FIELDS`")
    }
    let maps = try InputMaps(
      source, fields: fields,
      .init(sample: sample, heads: heads.map { ($0.layer, $0.head) }, query: query, model: model))
    return AttentionInputFigure.make(
      maps.input, heads: maps.heads, queries: maps.queries, sample: sample,
      title: "Attention on the input: \(source.reader.title)", theme: options.theme.theme)
  }
}

/// A layer and a head, `3.1`.
struct HeadName: ExpressibleByArgument {
  let layer: Int, head: Int

  init?(argument: String) {
    let parts = argument.split(separator: ".").map { Int($0) }
    guard parts.count == 2, let layer = parts[0], let head = parts[1] else { return nil }
    (self.layer, self.head) = (layer, head)
  }
}
