import Archive
import ArgumentParser
import Console

@main
enum Main {
  static func main() {
    Program.main(Plot.self, version: ProgramHome.versionText()) { file, options in
      guard RunPlace.isThere(file) else { return false }
      let command = try DrawableFigures.parse([file] + options)
      try command.run()
      return true
    }
  }
}

/// Draws figures from archives alone. Links neither the network nor the PDE.
struct Plot: ParsableCommand {
  /// The catalogue.
  static let figures: [any FigureCommand.Type] = [
    OverviewCommand.self, TrainingCommand.self, GradientsCommand.self, FlowCommand.self,
    CorrelationCommand.self,
    AlignmentCommand.self, DriftCommand.self, AttentionCommand.self, AttentionInputCommand.self,
    RolloutCommand.self,
    SimilarityCommand.self, SkillCommand.self, TermsCommand.self, InformationPlaneCommand.self,
    InformationLayersCommand.self, BottleneckCurveCommand.self, FieldCommand.self,
    PhaseCommand.self, SpectrumCommand.self, ConvergenceCommand.self, PerturbationCommand.self,
    StabilityCommand.self, SingularValuesCommand.self, WeightsMapCommand.self,
    HeadsCommand.self, CompositionCommand.self, LensCommand.self,
    CheckpointAlignmentCommand.self, BarrierCommand.self, ComparisonCommand.self,
    CatalogCommand.self, AnyCommand.self,
  ]

  static let configuration = CommandConfiguration(
    commandName: "isotherm-plot",
    abstract: "Draw figures from archives: PNG with its own provenance inside.",
    version: Provenance.version,
    subcommands: figures.map { $0 as any ParsableCommand.Type } + [
      ListCommand.self, VerifyCommand.self, ShowCommand.self, ReportCommand.self,
      AnimateCommand.self,
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

  static let all = Plot.figures.map { figure in
    FigureEntry(
      name: figure.configuration.commandName ?? "", summary: figure.configuration.abstract,
      takes: figure.takes)
  }
}
