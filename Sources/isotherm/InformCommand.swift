import Archive
import ArgumentParser
import Console
import Foundation
import Information
import Kernels
import Studies

extension Preprocessing: ExpressibleByArgument {}

/// `isotherm inform RUN -o NAME`, `isotherm inform --x FILE:/dataset --y FILE:/dataset`
struct InformCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inform",
    abstract: "Estimate mutual information: of a run's layers, or of any two datasets.",
    discussion: """
      isotherm inform RUN -o NAME estimates the information every captured layer has about input and label, at every \
      checkpoint; the input is the image, or how often each token stands in a text, and padding counts as 0. isotherm inform --x FILE:/dataset --y FILE:/dataset compares any two arrays [sample, ...] of any HDF5 \
      files and prints the estimate with its shuffle null, 95 % interval by subsampling, and what speaks against it. \
      Estimators: \(EstimatorChoice.names.joined(separator: ", ")).
      """)

  @Argument(help: ArgumentHelp("Training run: NAME.h5 or NAME.run.", valueName: "run"))
  var source: String?

  @OptionGroup var output: OutputOptions
  @OptionGroup var common: CommonOptions

  @Option(name: .customLong("set"), help: "Override a value, for example information.noise=0.5.")
  var settings: [String] = []

  @Option(
    help: ArgumentHelp("PDE fields fitted to the run: adds I(network; PDE).", valueName: "fields"))
  var fields: String?

  @Flag(help: "Print what would be estimated and stop.")
  var dryRun = false

  @Flag(help: "Go on after the last checkpoint of an interrupted run.")
  var resume = false

  @Flag(help: "Resume though OpenBLAS chose other kernels than before; the archive names both.")
  var otherKernels = false

  private var beginning: TrainRun.Beginning {
    if resume { return otherKernels ? .resumingOnOtherKernels : .resuming }
    return output.force ? .replacing : .new
  }

  @Option(help: ArgumentHelp("First variable: FILE:/dataset.", valueName: "dataset"))
  var x: String?

  @Option(help: ArgumentHelp("Second variable: FILE:/dataset.", valueName: "dataset"))
  var y: String?

  @Option(help: "Estimator for --x and --y.")
  var estimator = "auto"

  @Option(help: "Neighbours of ksg, ksg2 and mixed-ksg.")
  var k = 5

  @Option(
    help:
      "What is done to each column first: standard, rank, asinh or none (default: the estimator's)."
  )
  var transform: Preprocessing?

  @Option(help: "Shuffles behind the null.")
  var shuffles: Int?

  @Option(help: "Subsamples behind the interval.")
  var resamples = 60

  @Option(help: "Seed of shuffles, subsamples and trained critics.")
  var seed: UInt64 = 1

  func run() throws {
    if x != nil || y != nil { return try informPair() }
    guard let source else {
      throw UsageError("pass a run, or --x FILE:/dataset and --y FILE:/dataset")
    }
    let inform = try InformRun(
      source, fields: fields, settings: settings, threads: common.threadCount,
      progress: ProgressLine(common.progress))
    if dryRun { return try tell(inform.plan()) }
    let place = try output.place()
    guard !(resume && output.force) else {
      throw UsageError("--resume goes on with an archive and --force replaces it: pass one of them")
    }
    let path = try Interruption.during(
      "checkpoints that were committed are kept; go on with the same command and --resume"
    ) { try inform.run(out: place, beginning) }
    try Written(path: path).tell(json: common.json)
  }

  private func tell(_ plan: [InformRun.PlannedArray]) throws {
    if common.json { return try Console.output(json: plan) }
    var table = Table(["array", "shape", "bytes"])
    for item in plan {
      table.add([
        item.path, item.shape.map(String.init).joined(separator: " x "), Format.bytes(item.bytes),
      ])
    }
    Console.output(table.text)
  }

  private func informPair() throws {
    guard source == nil, let x, let y else {
      throw UsageError("--x and --y go together, and without a run")
    }
    guard EstimatorChoice.names.contains(estimator) || estimator == "cca" else {
      throw UsageError(
        "--estimator \(estimator): expected one of \(EstimatorChoice.names.joined(separator: ", "))"
      )
    }
    guard (1...1000).contains(k) else { throw UsageError("--k: expected 1 to 1000, found \(k)") }
    let began = ContinuousClock.now
    let (a, b) = try VariableSource.pair(x, y)
    let pairs = try PairedSamples(a.samples, b.samples)
    var options = EstimatorChoice.Settings()
    (options.neighborCount, options.seed) = (k, seed)
    let automatic = EstimatorChoice.automatic(pairs, options)
    let chosen = EstimatorChoice.estimator(estimator, options) ?? automatic.estimator
    let change = transform ?? (estimator == "auto" ? automatic.preprocessing : .none)
    let plan = ResamplingPlan(
      resamples: resamples,
      shuffles: shuffles ?? (chosen.isResampled || chosen.seed == nil ? 20 : 3), seed: seed)
    let estimate = try chosen.estimate(
      change.apply(pairs), plan, WorkerPool(threadCount: common.threadCount))
    let result = PairResult(
      estimator: chosen.name, settings: chosen.settings, transform: change.rawValue,
      reason: estimator == "auto" ? automatic.reason : "asked for", value: estimate.value,
      null: estimate.null, nullUpper: estimate.nullUpper, lower: estimate.lower,
      upper: estimate.upper, flags: estimate.flags.names, samples: pairs.count,
      dimensionX: a.samples.dimension, dimensionY: b.samples.dimension, seed: seed,
      shuffles: plan.shuffles, resamples: chosen.isResampled ? plan.resamples : 0,
      seconds: (ContinuousClock.now - began) / .seconds(1), notes: a.notes + b.notes)
    try result.tell(json: common.json)
  }
}

/// One estimate of two datasets.
private struct PairResult: Encodable {
  var estimator: String
  var settings: String
  var transform: String
  var reason: String
  var value: Double
  var units = "nat"
  var null: Double
  var nullUpper: Double
  var lower: Double
  var upper: Double
  var flags: [String]
  var samples: Int
  var dimensionX: Int
  var dimensionY: Int
  var seed: UInt64
  var shuffles: Int
  var resamples: Int
  var seconds: Double
  var notes: [String]

  enum CodingKeys: String, CodingKey {
    case estimator, settings, transform, reason, value, units, null, lower, upper, flags, samples
    case seed, shuffles, resamples, seconds, notes
    case nullUpper = "null_upper"
    case dimensionX = "dimension_x"
    case dimensionY = "dimension_y"
  }

  func tell(json: Bool) throws {
    if json { return try Console.output(json: self) }
    let interval =
      lower.isNaN
      ? "no interval" : "95 % interval \(Format.fixed(lower, 4)) to \(Format.fixed(upper, 4))"
    Console.output("I(X;Y) = \(Format.fixed(value, 4)) nat, \(interval)")
    Console.output(
      "null     \(Format.fixed(null, 4)), 97.5 % quantile \(Format.fixed(nullUpper, 4)) "
        + "of \(shuffles) shuffles")
    Console.output("by       \(estimator): \(settings); \(reason); columns: \(transform)")
    Console.output("samples  \(samples) of \(dimensionX) + \(dimensionY) dimensions, seed \(seed)")
    for note in notes { Console.output("note     \(note)") }
    Console.output("flags    \(flags.isEmpty ? "none" : flags.joined(separator: ", "))")
  }
}
