import Archive
import ArgumentParser
import Console

@main
enum Main {
  static func main() { Program.main(BenchProgram.self, version: Provenance.version) }
}

/// Times our side of the works that `tools/bench` compares.
struct BenchProgram: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "isotherm-bench",
    abstract: "Time one work and print a JSON line; tools/bench runs it beside the peer.",
    subcommands: [
      ArchiveBench.self, AppendBench.self, CommitBench.self, NeighborBench.self, DensityBench.self,
      TruthBench.self, TrainBench.self, DynamicsBench.self, FigureBench.self,
    ])
}
