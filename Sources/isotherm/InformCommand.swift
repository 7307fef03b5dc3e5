import ArgumentParser
import Console
import Studies

/// `isotherm inform RUN -o NAME`
struct InformCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inform",
    abstract: "Estimate the information every captured layer has about input and label.")

  @Argument(help: ArgumentHelp("Training run: NAME.h5 or NAME.run.", valueName: "run"))
  var source: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions

  @Option(name: .customLong("set"), help: "Override a value, for example information.noise=0.5.")
  var settings: [String] = []

  func run() throws {
    let place = try output.place()
    let inform = try InformRun(
      source, settings: settings, threads: common.threadCount,
      progress: ProgressLine(common.progress))
    try Written(path: inform.run(out: place, force: output.force)).tell(json: common.json)
  }
}
