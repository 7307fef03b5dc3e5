import ArgumentParser
import Console
import Studies

/// `isotherm fit RUN -o NAME`
struct FitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Fit PDE models to a trained run and archive their fields on held-out samples.")

  @Argument(help: ArgumentHelp("Training run: NAME.h5 or NAME.run.", valueName: "run"))
  var source: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions

  @Option(name: .customLong("set"), help: "Override a value, for example pde.epochs=20.")
  var settings: [String] = []

  func run() throws {
    let place = try output.place()
    let fit = try FitRun(
      source, settings: settings, threads: common.threadCount,
      progress: ProgressLine(common.progress))
    let path = try fit.run(out: place, force: output.force)
    try Written(path: path).tell(json: common.json)
  }
}

/// The result of a command that writes one archive.
struct Written: Encodable {
  var path: String

  func tell(json: Bool) throws {
    if json { try Console.output(json: self) } else { Console.output(path) }
  }
}
