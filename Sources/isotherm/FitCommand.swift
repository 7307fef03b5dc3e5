import Archive
import ArgumentParser
import Console
import Studies

/// `isotherm fit RUN -o NAME`
struct FitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract: "Fit PDE models to a trained run and archive their fields on held-out samples.",
    discussion: """
      What is fitted stands under pde in the run's configuration, and --set changes it: pde.models (persistence, diffusion, \
      autonomous, modulated, layerwise), pde.objective (trajectories, or task: from scratch in place of the layers), \
      pde.stepper (euler, heun, rk4, lie) and substeps, pde.degree and rank of modulated, pde.samples, epochs, batch, rate, \
      attention_weight. isotherm-analyze attention compares the result with the network and every null.
      """)

  @Argument(help: ArgumentHelp("Training run: NAME.h5 or NAME.run.", valueName: "run"))
  var source: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions
  @OptionGroup var resuming: ResumeOptions

  @Option(name: .customLong("set"), help: "Override a value, for example pde.epochs=20.")
  var settings: [String] = []

  func run() throws {
    let (place, beginning) = (try output.place(), try resuming.beginning(output))
    try resuming.check(output, [source])
    let fit = try FitRun(
      source, settings: settings, threads: common.threadCount,
      progress: ProgressLine(common.progress))
    let path = try Interruption.during(FitRun.advice) {
      try fit.run(
        out: place, beginning, limits: RecorderLimits(commitSeconds: resuming.commitSeconds))
    }
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
