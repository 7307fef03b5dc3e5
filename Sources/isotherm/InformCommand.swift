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
      checkpoint; the input is the image, or how often each token stands in a text, and padding counts as 0. RUN may be captures of a \
      network that is not there; without labels there is I(X;T) alone.

      isotherm inform --x FILE:/dataset --y FILE:/dataset compares any two arrays [sample, ...] of any HDF5 files and prints \
      the estimate with its p-value from shuffled pairs, 95 % interval by subsampling, and what speaks against it. Samples \
      must be independent: series in time, sorted rows and copies of rows are flagged (serial_dependence, duplicates). \
      Estimators: \(EstimatorChoice.names.joined(separator: ", ")).

      By default every estimator standardises each column (centred, divided by its standard deviation), so that units and \
      offsets do not matter; auto puts ranks in their place for ksg, and for gaussian where only ranks are normal. ksg, \
      ksg2, sliced and latent spread repeated values evenly over their rounding step; mixed-ksg does so with rounded \
      values, and takes few values for classes of which only equality counts, as discrete, binning, kde, renyi and the \
      trained critics do; student and flow go by ranks; flow takes the columns of a side for one unit when it looks for a \
      rotation that grows with the length (a spiral), but finds others too. --transform none leaves the values as they are. auto compares \
      its value with another estimator and with fewer samples, and is flagged uncertain when they disagree.
      """)

  @Argument(help: ArgumentHelp("Training run or captures: NAME.h5 or NAME.run.", valueName: "run"))
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
      "What is done to each column first: standard, rank, asinh or none (default: standard, or what auto takes)."
  )
  var transform: Preprocessing?

  @Option(
    help: "Width of the kernels of kde (default: 0.25) and renyi (default: 0.5) over the spread.")
  var noise: Double?

  @Option(help: "Bins a column of binning (default: from the number of samples).")
  var bins: Int?

  @Option(
    help:
      "Shuffles behind the null (default: 39, the fewest that reach p = 0.025; 3 for estimators fitted anew for each)."
  )
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
    guard EstimatorChoice.knows(estimator) else {
      throw UsageError(
        "--estimator \(estimator): expected one of \(EstimatorChoice.names.joined(separator: ", "))"
      )
    }
    guard (1...1000).contains(k) else { throw UsageError("--k: expected 1 to 1000, found \(k)") }
    if let noise, !(noise > 0 && noise.isFinite) {
      throw UsageError("--noise: expected a number above 0, found \(noise)")
    }
    if let bins, !(1...10_000).contains(bins) {
      throw UsageError("--bins: expected 1 to 10000, found \(bins)")
    }
    for (name, count) in [("--shuffles", shuffles ?? 0), ("--resamples", resamples)] {
      guard (0...1_000_000).contains(count) else {
        throw UsageError("\(name): expected 0 to 1000000, found \(count)")
      }
    }
    let began = ContinuousClock.now
    let (a, b) = try VariableSource.pair(x, y)
    var options = EstimatorChoice.Settings()
    (options.neighborCount, options.seed) = (k, seed)
    (options.noise, options.bins) = (noise, bins)
    let found = try PairInformation(
      PairedSamples(a.samples, b.samples), by: estimator, options, preprocessing: transform,
      resamples: resamples, shuffles: shuffles, WorkerPool(threadCount: common.threadCount))
    try PairResult(
      found, samples: a.samples.count, dimensionX: a.samples.dimension,
      dimensionY: b.samples.dimension, seed: seed,
      seconds: (ContinuousClock.now - began) / .seconds(1), reading: a.notes + b.notes
    ).tell(json: common.json)
  }
}
