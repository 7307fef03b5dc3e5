import ArgumentParser
import Console

@main
enum Main {
  static func main() { Program.main(Plot.self) }
}

/// Draws figures from archives alone. Links neither the network nor the PDE.
struct Plot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "isotherm-plot",
    abstract: "Draw figures from archives: PNG with its own provenance inside.",
    version: "0.1.0",
    subcommands: [
      TrainingCommand.self, FlowCommand.self, AttentionCommand.self, SimilarityCommand.self,
      InformationPlaneCommand.self, ListCommand.self, VerifyCommand.self, ShowCommand.self,
    ])
}

/// `isotherm-plot list`
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the figures and what each takes.")

  @OptionGroup var common: CommonOptions

  func run() throws {
    let figures = FigureEntry.all
    if common.json { return try Console.output(json: ["figures": figures]) }
    var table = Table(["figure", "shows", "takes"])
    for figure in figures { table.add([figure.name, figure.summary, figure.takes]) }
    Console.output(table.text)
  }
}

/// A line of the catalogue.
struct FigureEntry: Encodable {
  var name: String
  var summary: String
  var takes: String

  static let all = [
    FigureEntry(
      name: "training", summary: "Loss, accuracy, learning rate and gradient norm over training",
      takes: "a training run"),
    FigureEntry(
      name: "flow", summary: "Residual stream over depth: heat maps, correlation, error, CKA",
      takes: "metrics of `isotherm-analyze flow`"),
    FigureEntry(
      name: "attention", summary: "Attention maps, layer x head",
      takes: "a training run, or fields"),
    FigureEntry(
      name: "similarity", summary: "PDE against network attention, with every null",
      takes: "metrics of `isotherm-analyze attention`"),
    FigureEntry(
      name: "information-plane", summary: "I(X;T) against I(T;Y) per depth over training",
      takes: "information of `isotherm inform`"),
  ]
}
