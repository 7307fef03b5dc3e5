import ArgumentParser
import Console
import Foundation
import Information
import Kernels

/// `isotherm-bench ksg`: KSG-1 of normal pairs, as the peer's; the tree is built within the time.
struct NeighborBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "ksg")

  @Option var samples = 10_000
  @Option var dimension = 1
  @Option var rho = 0.75
  @Option var rounds = 3

  func run() throws {
    let pool = WorkerPool(threadCount: ProcessInfo.processInfo.activeProcessorCount)
    let truth = KnownTruth.sparseNormal(dimension, active: dimension, rho: rho)
    let pairs = try truth.sample(samples, seed: 1)
    var (seconds, value) = (Double.infinity, 0.0)
    for _ in 0..<rounds {
      seconds = min(seconds, try time { value = try Kraskov().value(pairs, pool).value })
    }
    Console.output(
      try Console.encode([
        "seconds": seconds, "estimate_nats": value, "truth_nats": truth.truth,
        "peak_megabytes": peakMegabytes,
      ]))
  }
}

/// `isotherm-bench kde`: the information of two blurred sides by kernel densities.
struct DensityBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "kde")

  @Option var samples = 4096
  @Option var dimension = 16
  @Option var rounds = 3

  func run() throws {
    let pool = WorkerPool(threadCount: ProcessInfo.processInfo.activeProcessorCount)
    let pairs = try KnownTruth.sparseNormal(dimension, active: 2, rho: 0.75).sample(
      samples, seed: 1)
    var (seconds, value) = (Double.infinity, 0.0)
    for _ in 0..<rounds {
      seconds = min(
        seconds, try time { value = try DensityInformation(noise: 0.5).value(pairs, pool).value })
    }
    Console.output(try Console.encode(["seconds": seconds, "estimate_nats": value]))
  }
}

/// `isotherm-bench truths`: `auto`, or an estimator by name, on every known truth whose name contains a word, a line each, and how
/// many are within 0.1 nats, within 0.1 nats or a tenth, and neither and without a flag.
struct TruthBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "truths")

  @Option var samples = 5000
  @Option var seed: UInt64 = 1
  @Option var estimator = "auto"
  @Option var contains = ""
  @Option var threads = 2
  @Flag var withNull = false

  func run() throws {
    let pool = WorkerPool(threadCount: threads)
    let truths = KnownTruth.suite.filter { contains.isEmpty || $0.name.contains(contains) }
    var (near, right, flagged, silent, times) = (0, 0, 0, [String](), [Double]())
    for truth in truths {
      let pairs = try truth.sample(samples, seed: seed)
      var found: PairInformation?
      let seconds = try time {
        found = try PairInformation(
          pairs, by: estimator, .init(), resamples: withNull ? 60 : 0,
          shuffles: withNull ? nil : 0, pool)
      }
      guard let found else { continue }
      let (value, flags) = (found.estimate.value, found.estimate.flags.names)
      let error = abs(value - truth.truth)
      let isRight = error <= max(0.1, 0.1 * truth.truth)
      near += error <= 0.1 ? 1 : 0
      right += isRight ? 1 : 0
      flagged += isRight && !flags.isEmpty ? 1 : 0
      if !isRight, flags.isEmpty { silent.append(truth.name) }
      times.append(seconds)
      Console.output(
        (isRight ? "   " : flags.isEmpty ? "!! " : " ? ")
          + String(format: "%.3f for %.3f, %5.1f s, ", value, truth.truth, seconds)
          + "\(found.estimator), \(truth.name): \(flags.joined(separator: " "))"
          + (found.notes.isEmpty ? "" : " (\(found.notes.joined(separator: "; ")))"))
    }
    times.sort()
    guard !times.isEmpty else { return }
    Console.output(
      "\(times.count) truths, \(samples) samples: \(near) within 0.1 nats, \(right) within 0.1 nats or a "
        + "tenth, of which \(flagged) are flagged; \(silent.count) wrong without a flag; "
        + String(
          format: "median %.1f s, 95 %% within %.1f s", times[times.count / 2],
          times[min(times.count - 1, times.count * 95 / 100)]))
  }
}
