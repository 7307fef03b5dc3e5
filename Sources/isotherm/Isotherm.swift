import Archive
import ArgumentParser
import Console
import Kernels

@main
enum Main {
  static func main() {
    Program.main(Isotherm.self, version: ProgramHome.versionText(blas: BLASCore.name))
  }
}

/// The producer: trains, fits, informs, and streams what it sees to HDF5.
struct Isotherm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "isotherm",
    abstract: "Train small Transformers, fit PDEs to them, measure their information flow.",
    discussion: """
      Every command streams its results to an HDF5 archive NAME.h5 (through the folder NAME.run/).
      isotherm-archive, isotherm-analyze and isotherm-plot read archives; they can never retrain.
      """,
    version: Provenance.version,
    subcommands: [
      TrainCommand.self, TokenizeCommand.self, ImportCommand.self, CaptureCommand.self,
      EvaluateCommand.self,
      FitCommand.self, IntegrateCommand.self, PerturbCommand.self, InformCommand.self,
      StudyCommand.self, KeysCommand.self, VerifyCommand.self, DemoCommand.self,
    ])
}
