import ArgumentParser
import CAllocationCount
import Console
import Foundation
import Kernels
import Transformer

/// `isotherm-bench train`: training steps of the canonical encoder on random patches, as the peer's; the optimiser, clipping and
/// norms of every layer are within the time.
struct TrainBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "train")

  @Option var batch = 128
  @Option var tokens = 49
  @Option var patch = 16
  @Option var width = 64
  @Option var heads = 4
  @Option var layers = 6
  @Option var mlp = 256
  @Option var threads = 2
  @Option var steps = 20
  @Option var dropout = 0.0

  func run() throws {
    var variant = ModelConfiguration.Variant()
    variant.dropout = dropout
    let model = try ModelConfiguration(
      input: .patches(width: patch), positionCount: tokens, width: width, headCount: heads,
      layerCount: layers, mlpWidth: mlp, classCount: 10, variant: variant)
    let trainer = Trainer<Float>(
      model, OptimizerConfiguration(rate: 1e-3, warmup: 0, decay: 0.01, clip: 1), batch: batch,
      seed: 1, pool: WorkerPool(threadCount: threads))
    let source = RandomPatches(count: batch, size: tokens * patch)
    let order = Array(0..<batch)
    for _ in 0..<4 { _ = trainer.step(order[...], from: source, rate: 1e-3) }
    // As the peer: the best mean of four runs of steps.
    let chunk = max(1, steps / 4)
    var best = Double.infinity
    let before = isotherm_allocation_count()
    for _ in 0..<4 {
      let seconds = time {
        for _ in 0..<chunk { _ = trainer.step(order[...], from: source, rate: 1e-3) }
      }
      best = min(best, seconds / Double(chunk))
    }
    let allocations = isotherm_allocation_count() - before
    var result = try profile(model, source)
    result["samples_per_second"] = Double(batch) / best
    result["milliseconds_per_step"] = 1e3 * best
    let flops = 1e-9 * operationsPerSample * Double(batch) / best
    result["model_gflops"] = flops
    result["limit_gflops"] = Double(threads) * bestProduct()
    result["allocations_per_step"] = Double(allocations) / Double(4 * chunk)
    Console.output(try Console.encode(result))
  }

  /// Floating-point operations of the matrix products of one sample: the backward pass does each twice.
  private var operationsPerSample: Double {
    let (t, d, m) = (Double(tokens), Double(width), Double(mlp))
    return 3 * Double(layers) * (8 * t * d * d + 4 * t * d * m + 4 * t * t * d)
  }

  /// The machine's own limit for one core: the best of large float32 products, 10⁹ operations a second.
  private func bestProduct() -> Double {
    [512, 1024, 2048].map { n in
      let (a, b, c) = (Buffer<Float>(n * n), Buffer<Float>(n * n), Buffer<Float>(n * n))
      for buffer in [a, b] { buffer.assign((0..<n * n).map { Float($0 % 7) / 7 }) }
      let product = MatrixProduct(
        m: n, n: n, k: n, alpha: 1, a: a.start, lda: n, b: b.start, ldb: n, beta: 0, c: c.start,
        ldc: n)
      let seconds = (0..<8).map { _ in time { Float.gemm(product) } }.min() ?? .infinity
      return 2e-9 * Double(n * n * n) / seconds
    }.max() ?? 0
  }

  /// Milliseconds of one thread for one shard of an eighth of the batch, phase by phase.
  private func profile(
    _ model: ModelConfiguration, _ source: RandomPatches
  ) throws -> [String: Double] {
    let layout = ParameterLayout(model)
    let (weights, gradients) = (Buffer<Float>(layout.count), Buffer<Float>(layout.count))
    weights.assign(layout.initialValues(seed: 1).map { Float($0) })
    let samples = max(1, batch / 8)
    let pass = NetworkPass<Float>(model, layout, capacity: samples)
    let optimizer = Optimizer<Float>(
      OptimizerConfiguration(rate: 1e-3, warmup: 0, decay: 0.01, clip: 1), layout)
    for i in 0..<samples { source.write(i, to: pass.slot(i)) }
    func best(_ body: () -> Void) -> Double { (0..<5).map { _ in 1e3 * time(body) }.min() ?? 0 }
    return [
      "shard_forward_ms": best { pass.forward(weights.start, samples: samples) },
      "shard_loss_ms": best { _ = pass.score(samples: samples, factor: 1) },
      "shard_backward_ms": best {
        pass.backward(weights.start, gradients: gradients.start, samples: samples)
      },
      "clear_and_add_gradient_ms": best {
        gradients.clear()
        Elementwise.add(gradients.start, to: gradients.start, count: layout.count)
      },
      "norms_ms": best { _ = Elementwise.sumOfSquares(gradients.start, count: layout.count) },
      "optimizer_ms": best {
        optimizer.step(weights.start, gradient: gradients.start, norm: 1, rate: 0)
      },
    ]
  }
}

/// Noise of ten classes, drawn once.
private struct RandomPatches: SampleSource {
  let count: Int
  let size: Int
  let values: [Float]

  init(count: Int, size: Int) {
    var random = Philox(seed: 2, purpose: .null)
    (self.count, self.size) = (count, size)
    values = (0..<count * size).map { _ in Float(random.uniform()) }
  }

  func write(_ index: Int, to slot: SampleSlot<Float>) {
    values.withUnsafeBufferPointer { values in
      for i in 0..<size { slot.input[i] = values[index * size + i] }
    }
    slot.targets[0] = Int32(index % 10)
  }
}
