import Archive
import ArgumentParser
import Console
import Studies

/// `isotherm integrate PROBLEM.yaml -o NAME`
struct IntegrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "integrate",
    abstract: "Integrate the equation of a problem file and archive its snapshots.",
    discussion: """
      Problem files lie in data/problems: heat, Allen-Cahn, Fisher, the wave equation, advection-diffusion, attention on the \
      sphere, Gaussian measures, Sinkhorn attention. A step beyond the stability limit is refused. A solution that blows up is \
      a result: when and where is archived with everything before. A stepper that gives up before the end is none: what it \
      reached is archived, and the exit status is 1.
      """)

  @Argument(help: "Problem file (YAML).")
  var problem: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions
  @OptionGroup var resuming: ResumeOptions

  @Option(name: .customLong("set"), help: "Override a value, for example time.end=2.")
  var settings: [String] = []

  @Flag(help: "Print what would be written, the stability limit and the time, and stop.")
  var dryRun = false

  func run() throws {
    let configuration = try ProblemConfiguration(
      path: DataLocation.resolve(problem), settings: settings)
    let run = try ProblemRun(
      configuration, threads: common.threadCount, progress: ProgressLine(common.progress))
    if dryRun { return try printPlan(try run.plan()) }
    let (place, beginning) = (try output.place(), try resuming.beginning(output))
    try OutputGuard([DataLocation.resolve(problem)] + configuration.inputs).check(archive: place)
    let result = try Interruption.during(
      "what was committed is kept in the folder; go on with the same command and --resume"
    ) {
      try run.run(
        out: place, beginning, limits: RecorderLimits(commitSeconds: resuming.commitSeconds))
    }
    guard let result else { return try Written(path: RunPlace(place).file).tell(json: common.json) }
    if common.json {
      try Console.output(
        json: IntegrateResult(
          path: result.path, outcome: result.message, ending: result.ending.rawValue,
          reached: result.isComplete, time: result.time, seconds: result.seconds))
    } else if result.failure == nil {
      Console.output("\(result.path): \(result.message), in \(Format.duration(result.seconds))")
    }
    guard let failure = result.failure else { return }
    throw UnfinishedIntegration(description: "\(result.path): \(failure)")
  }

  private func printPlan(_ plan: ProblemRun.Plan) throws {
    if common.json { return try Console.output(json: PrintedIntegration(plan)) }
    var table = Table(["array", "shape", "bytes"])
    for array in plan.arrays {
      table.add([
        array.path, array.shape.map(String.init).joined(separator: " x "),
        Format.bytes(array.bytes),
      ])
    }
    Console.output(table.text)
    let limit =
      plan.stabilityLimit.isFinite
      ? "the longest stable one is \(Format.digits(plan.stabilityLimit))" : "no step is unstable"
    let steps =
      plan.steps.map { "\($0) steps of \(Format.digits(plan.stepSize)); \(limit)" }
      ?? "steps as long as the tolerance allows"
    let seconds = plan.seconds.map { ", about \(Format.duration($0))" } ?? ""
    Console.output(
      "\nIn all \(Format.bytes(plan.arrays.map(\.bytes).reduce(0, +))) before compression; "
        + steps + seconds + ".")
  }
}

/// An integration that ended before its time: what it reached is archived, and the exit status is 1.
private struct UnfinishedIntegration: Error, CustomStringConvertible {
  let description: String
}

private struct IntegrateResult: Encodable {
  var path: String
  var outcome: String
  /// `reached`, `diverged` or `gave up`.
  var ending: String
  var reached: Bool
  var time: Double
  var seconds: Double
}

private struct PrintedIntegration: Encodable {
  struct PlannedArray: Encodable {
    var path: String
    var shape: [Int]
    var bytes: Int
  }
  var arrays: [PlannedArray]
  var steps: Int?
  var step: Double
  /// Missing when no step is unstable.
  var stabilityLimit: Double?
  var seconds: Double?

  init(_ plan: ProblemRun.Plan) {
    arrays = plan.arrays.map { PlannedArray(path: $0.path, shape: $0.shape, bytes: $0.bytes) }
    (steps, step, seconds) = (plan.steps, plan.stepSize, plan.seconds)
    stabilityLimit = plan.stabilityLimit.isFinite ? plan.stabilityLimit : nil
  }

  enum CodingKeys: String, CodingKey {
    case arrays, steps, step, seconds
    case stabilityLimit = "stability_limit"
  }
}
