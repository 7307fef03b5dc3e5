import Archive
import ArgumentParser
import Console
import Studies

/// `isotherm perturb RUN [--fields FIELDS] -o NAME`
struct PerturbCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perturb",
    abstract: "Perturb inputs and archive the response of network and PDE over depth.",
    discussion: """
      Normal noise on the embedded stream, blanked positions, positions that change places; sizes stand under perturb in the \
      run's configuration (noise, mask, swap), and --set changes them. isotherm-analyze perturbation reads the result. Of captures, \
      whose network is not there, it compares clean and perturbed ones.
      """)

  @Argument(help: ArgumentHelp("Training run: NAME.h5 or NAME.run.", valueName: "run"))
  var source: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions
  @OptionGroup var resuming: ResumeOptions

  @Option(help: ArgumentHelp("PDE fields fitted to the run.", valueName: "fields"))
  var fields: String?

  @Option(name: .customLong("set"), help: "Override a value, for example perturb.noise=[0.1,1].")
  var settings: [String] = []

  func run() throws {
    let (place, beginning) = (try output.place(), try resuming.beginning(output))
    try resuming.check(output, [source, fields].compactMap { $0 })
    let run = try PerturbRun(
      source, fields: fields, settings: settings, threads: common.threadCount,
      progress: ProgressLine(common.progress))
    let path = try Interruption.during(PerturbRun.advice) {
      try run.run(
        out: place, beginning, limits: RecorderLimits(commitSeconds: resuming.commitSeconds))
    }
    try Written(path: path).tell(json: common.json)
  }
}
