import ArgumentParser
import Console
import Dynamics
import Foundation
import Kernels

/// `isotherm-bench dynamics`: explicit Euler steps of 2-D reaction-diffusion, float64 as the peer's, with the same equation,
/// grid and step; and how fast the same threads copy a field of that size.
struct DynamicsBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "dynamics")

  @Option var grid = 256
  @Option var steps = 500
  @Option var threads = 2

  func run() throws {
    let cells = FieldGrid(rows: grid, columns: grid)
    let problem = FieldProblem(
      [
        .diffusion(try DiffusionOperator(cells, .periodic, diffusivity: .uniform(0.1))),
        .reaction(.polynomial([0, 1, 0, -1])),
      ], channels: 1)
    let pool = WorkerPool(threadCount: threads)
    guard let euler = FusedEuler(problem, pool: pool) else {
      throw UsageError("the fused step does not take this problem")
    }
    var random = Philox(seed: 1, stream: 0)
    euler.field = (0..<grid * grid).map { _ in 2 * random.uniform() - 1 }
    euler.advance(0.1, steps: 10)
    let best = (0..<3).map { _ in time { euler.advance(0.1, steps: steps) } }.min() ?? 0
    let seconds = copySeconds(pool)
    let count = Double(grid * grid)
    Console.output(
      try Console.encode([
        "cell_updates_per_second": count * Double(steps) / best,
        // A step reads and writes each number once, and so does a copy.
        "gigabytes_per_second": 16e-9 * count * Double(steps) / best,
        "copy_gigabytes_per_second": 16e-9 * count / seconds,
      ]))
  }

  /// Seconds of the fastest of 20 copies of such a field.
  private func copySeconds(_ pool: WorkerPool) -> Double {
    let count = grid * grid
    let (from, to) = (Buffer<Double>(count), Buffer<Double>(count))
    let parts = pool.threadCount
    return (0..<20).map { _ in
      time {
        pool.forEach(parts) { part, _ in
          let (low, high) = (count * part / parts, count * (part + 1) / parts)
          (to.start + low).update(from: from.start + low, count: high - low)
        }
      }
    }.min() ?? 0
  }
}
