import Archive
import ArgumentParser
import Console
import Studies

/// `isotherm fit RUN -o NAME`
struct FitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit",
    abstract:
      "Fit PDE models to a run's trajectories and archive their fields on held-out samples.",
    discussion: """
      What is fitted stands under pde in the run's configuration, and --set changes it: pde.models (persistence, diffusion, \
      autonomous, modulated, layerwise), pde.objective (trajectories, or task: from scratch in place of the layers), \
      pde.stepper (euler, heun, rk4, lie) and substeps, pde.degree and rank of modulated, pde.samples, epochs, batch, rate, \
      attention_weight. isotherm-analyze attention compares the result with the network and every null.

      RUN is a run of isotherm train, or captures of a network that is not there (isotherm capture, isotherm import --preset): then states \
      and maps are those of the archive, /samples/split says which samples are fitted to and which are held out, and seed, pde and \
      network can be set. network.causal, class_tokens, rows, mlp, norm, activation, kv_heads and rotary are the form that the equation takes \
      over. Under a causal mask a position attends to earlier ones and hears only the one before in D∇²u; class tokens attend and do not \
      diffuse; where attention and MLP read the same state (gpt_neox) a step of pde.stepper=euler has the form of a layer, and is \
      the default; where the last state is behind the final norm, the last interval stands for that norm too. pde.objective=task needs the \
      network itself.
      """)

  @Argument(help: ArgumentHelp("Training run or captures: NAME.h5 or NAME.run.", valueName: "run"))
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
