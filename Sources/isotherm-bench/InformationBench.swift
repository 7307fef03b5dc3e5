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
