import Foundation
import Kernels
import Testing
import Transformer

@Suite struct GradientTests {
  @Test(arguments: try NamedVariant.all())
  func `gradients agree with central differences for every parameter`(
    variant: NamedVariant
  ) throws {
    if variant.isText {
      let source = ToyTokens<Double>(
        count: 4, positions: variant.model.inputCount, vocabulary: 7,
        predictsNext: variant.model.variant.pooling == .each, seed: 2)
      try check(variant, source)
    } else {
      let size = 3 * variant.model.inputCount
      try check(variant, ToySource<Double>(count: 4, size: size, classes: 3, seed: 2))
    }
  }

  private func check<Source: SampleSource<Double>>(
    _ variant: NamedVariant, _ source: Source
  ) throws {
    let trainer = Trainer<Double>(
      variant.model, OptimizerConfiguration(rate: 0, warmup: 0, decay: 0, clip: 1e9), batch: 4,
      seed: 5, pool: WorkerPool(threadCount: 1))
    trainer.smoothing = variant.smoothing
    // Biases and gains start at 0 and 1, where some derivatives vanish: move everything.
    var random = Philox(seed: 9, stream: 9)
    for i in 0..<trainer.weights.count { trainer.weights.start[i] += 0.3 * random.normal() }
    let batch = [0, 1, 2, 3][...]
    _ = trainer.evaluateGradient(batch, from: source)
    let gradient = trainer.gradient.array
    for entry in trainer.layout.entries {
      let direction = (0..<entry.count).map { _ in random.normal() }
      let expected = zip(direction, gradient[entry.offset..<entry.offset + entry.count])
        .reduce(0) { $0 + $1.0 * $1.1 }
      let step = 1e-4
      func loss(_ sign: Double) -> Double {
        for (i, d) in direction.enumerated() {
          trainer.weights.start[entry.offset + i] += sign * step * d
        }
        defer {
          for (i, d) in direction.enumerated() {
            trainer.weights.start[entry.offset + i] -= sign * step * d
          }
        }
        return trainer.evaluateGradient(batch, from: source)
      }
      // Fourth order, so that the step can be large enough for round-off.
      let found = (8 * (loss(1) - loss(-1)) - (loss(2) - loss(-2))) / (12 * step)
      if entry.name.hasSuffix("key.bias"), variant.model.variant.positions != .rotary {
        // Adding to all keys shifts a row of scores by a constant: the true derivative is 0.
        #expect(abs(expected) < 1e-12 && abs(found) < 1e-9, "\(entry.name)")
      } else {
        #expect(
          abs(found - expected) <= 1e-6 * max(abs(expected), abs(found)),
          "\(entry.name): \(found) against \(expected)")
      }
    }
  }

  @Test func `a heavier bottleneck lets less information through`() throws {
    var bounds: [Double] = []
    for weight in [1e-4, 1e-2] {
      var model = try ModelConfiguration(
        input: .patches(width: 3), positionCount: 5, width: 8, headCount: 2, layerCount: 2,
        mlpWidth: 12,
        classCount: 3)
      model.bottleneck = .init(layer: 1, weight: weight)
      let trainer = Trainer<Float>(
        model, OptimizerConfiguration(rate: 1e-2, warmup: 0, decay: 0, clip: 1), batch: 16, seed: 5,
        pool: WorkerPool(threadCount: 1))
      let source = ToySource<Float>(count: 16, size: 15, classes: 3, seed: 2)
      var last = 0.0
      for _ in 0..<150 {
        last = trainer.step(Array(0..<16)[...], from: source, rate: 1e-2).informationBound
      }
      bounds.append(last)
    }
    #expect(bounds[0] > bounds[1] && bounds[1] >= 0, "\(bounds)")
  }
}
