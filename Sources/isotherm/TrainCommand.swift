import Archive
import ArgumentParser
import Console
import Foundation
import Studies

/// `isotherm train STUDY.yaml -o NAME`
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train the network of a study file and archive what it sees.",
    discussion: """
      Study files for images, for telling which novel a passage is from, and for predicting the next token lie in \
      data/studies. capture.taps are patterns over residual.L.pre|mid|post, attention.L.queries|keys|values|scores|map|output, \
      mlp.L.hidden and logits; gradient. in front of one gives the gradient of each sample's own loss. \
      `isotherm keys` lists every key.
      """)

  @Argument(help: "Study file (YAML).")
  var study: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions

  @Option(name: .customLong("set"), help: "Override a value, for example training.epochs=2.")
  var settings: [String] = []

  @Flag(help: "Print what would be written and stop.")
  var dryRun = false

  @Flag(help: "Go on from the last checkpoint of an interrupted run.")
  var resume = false

  @Flag(help: "Resume though OpenBLAS chose other kernels than before; the archive names both.")
  var otherKernels = false

  private var beginning: TrainRun.Beginning {
    if resume { return otherKernels ? .resumingOnOtherKernels : .resuming }
    return output.force ? .replacing : .new
  }

  @Flag(
    help:
      "Go on though mpirun's processes differ in processor or program: the bits are nobody's then.")
  var allowMixed = false

  @Flag(help: "Keep the folder of parts after sealing.")
  var keepParts = false

  @Option(help: .hidden)
  var commitSeconds = RecorderLimits().commitSeconds

  @Option(help: .hidden)
  var partLimit = RecorderLimits().partCount

  func run() throws {
    guard !dryRun else { return try run(with: Peers()) }
    let peers = try Peers.join(mixed: allowMixed)
    do {
      try run(with: peers)
    } catch {
      throw ExitCode(try peers.leave(after: error))
    }
    peers.finish()
  }

  /// As one of several processes: the first writes and prints.
  private func run(with peers: Peers) throws {
    let configuration = try StudyConfiguration(
      path: DataLocation.resolve(study), settings: settings)
    if peers.isFirst { configuration.notes.forEach(Console.note) }
    let progress = peers.isFirst ? ProgressLine(common.progress) : ProgressLine.silent
    // Processes of one machine share its processors.
    let threads = common.threads ?? max(1, common.threadCount / Peers.local)
    let run = try TrainRun(configuration, threads: threads, progress: progress, peers: peers)
    if dryRun { return try printPlan(run) }
    let place = try output.place()
    guard !(resume && output.force) else {
      throw UsageError("--resume goes on with a run and --force replaces it: pass one of them")
    }
    try OutputGuard([DataLocation.resolve(study)] + configuration.inputs).check(archive: place)
    let outcome = try Interruption.during(
      "what was committed is kept; go on with the same command and --resume", grace: 1.2
    ) {
      try run.run(
        out: place, beginning, keepParts: keepParts,
        limits: RecorderLimits(commitSeconds: commitSeconds, partCount: partLimit))
    }
    guard peers.isFirst else { return }
    if common.json {
      try Console.output(
        json: TrainResult(
          path: outcome.path, testAccuracy: outcome.testAccuracy,
          bitsPerCharacter: outcome.bitsPerCharacter, samplesPerSecond: outcome.samplesPerSecond))
    } else {
      let bits =
        outcome.bitsPerCharacter.map { ", \(Format.fixed($0, 3)) bits per character" } ?? ""
      let speed =
        outcome.samplesPerSecond > 0 ? ", \(Format.short(outcome.samplesPerSecond)) samples/s" : ""
      Console.output(
        "\(outcome.path): test accuracy \(Format.fixed(100 * outcome.testAccuracy, 2)) %\(bits)\(speed)"
      )
    }
  }

  private func printPlan(_ run: TrainRun) throws {
    let plan = run.plan()
    if common.json { return try Console.output(json: PrintedPlan(plan)) }
    var table = Table(["array", "shape", "bytes"])
    for array in plan.arrays where !array.path.hasPrefix(Layout.Checkpoints.parameter("")) {
      table.add([
        array.path, array.shape.map(String.init).joined(separator: " x "),
        Format.bytes(array.bytes),
      ])
    }
    let parameters = plan.arrays.filter { $0.path.hasPrefix(Layout.Checkpoints.parameter("")) }
    table.add([
      Layout.Checkpoints.parameter("*"), "\(parameters.count) arrays",
      Format.bytes(parameters.map(\.bytes).reduce(0, +)),
    ])
    Console.output(table.text)
    Console.output(
      "\nIn all \(Format.bytes(plan.arrays.map(\.bytes).reduce(0, +))) before compression; "
        + "\(plan.steps) steps of \(plan.parameters) parameters, about "
        + "\(Format.duration(plan.seconds)) and \(Format.bytes(plan.memory)) of memory.")
  }
}

private struct TrainResult: Encodable {
  var path: String
  var testAccuracy: Double
  var bitsPerCharacter: Double?
  var samplesPerSecond: Double

  enum CodingKeys: String, CodingKey {
    case path
    case testAccuracy = "test_accuracy"
    case bitsPerCharacter = "bits_per_character"
    case samplesPerSecond = "samples_per_second"
  }
}

private struct PrintedPlan: Encodable {
  struct PlannedArray: Encodable {
    var path: String
    var shape: [Int]
    var bytes: Int
  }
  var arrays: [PlannedArray]
  var memory: Int
  var seconds: Double
  var steps: Int
  var parameters: Int

  init(_ plan: TrainRun.Plan) {
    arrays = plan.arrays.map { PlannedArray(path: $0.path, shape: $0.shape, bytes: $0.bytes) }
    (memory, seconds) = (plan.memory, plan.seconds)
    (steps, parameters) = (plan.steps, plan.parameters)
  }
}

/// Where results go.
struct OutputOptions: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: "Archive to write: NAME.h5.")
  var name: String?

  @Flag(help: "Replace an existing archive.")
  var force = false

  func place() throws -> String {
    guard let name else { throw UsageError("-o NAME is missing: where should the archive go?") }
    return name
  }
}
