import Archive
import ArgumentParser
import Console

@main
enum Main {
  static func main() { Program.main(Analyze.self, version: ProgramHome.versionText()) }
}

/// Reads archives, computes metrics. Links neither the network nor the PDE: it can never retrain.
struct Analyze: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "isotherm-analyze",
    abstract: "Compute metrics from archives: tables, JSON, CSV, HDF5.",
    version: Provenance.version,
    subcommands: [
      AttentionCommand.self, FlowCommand.self, BottleneckCommand.self, PerturbationCommand.self,
      GradientsCommand.self, StabilityCommand.self, WeightsCommand.self, HeadsCommand.self,
      LensCommand.self, CompareCommand.self,
    ])
}
