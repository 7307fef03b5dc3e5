import Archive
import ArgumentParser
import Console

@main
enum Main {
  static func main() {
    Program.main(Analyze.self, version: ProgramHome.versionText()) { file, options in
      guard RunPlace.isThere(file) else { return false }
      try ComputableAnalyses.parse([file] + options).run()
      return true
    }
  }
}

/// Reads archives, computes metrics. Links neither the network nor the PDE: it can never retrain.
struct Analyze: ParsableCommand {
  /// The catalogue.
  static let analyses: [any AnalysisCommand.Type] = [
    AttentionCommand.self, FlowCommand.self, BottleneckCommand.self, PerturbationCommand.self,
    GradientsCommand.self, StabilityCommand.self, WeightsCommand.self, HeadsCommand.self,
    LensCommand.self, CompareCommand.self,
  ]

  static let configuration = CommandConfiguration(
    commandName: "isotherm-analyze",
    abstract: "Compute metrics from archives: tables, JSON, CSV, HDF5.",
    version: Provenance.version,
    subcommands: analyses.map { $0 as any ParsableCommand.Type })
}
