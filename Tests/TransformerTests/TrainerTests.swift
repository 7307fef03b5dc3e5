import Kernels
import Testing
import Transformer

@Suite struct TrainerTests {
  private func train(threads: Int, steps: Int) throws -> (weights: [Float], loss: [Double]) {
    let model = try ModelConfiguration(
      input: .patches(width: 4), positionCount: 9, width: 16, headCount: 2, layerCount: 2,
      mlpWidth: 32,
      classCount: 3)
    let pool = WorkerPool(threadCount: threads)
    let trainer = Trainer<Float>(
      model, OptimizerConfiguration(rate: 3e-3, warmup: 0.1, decay: 0.01, clip: 1), batch: 30,
      seed: 1, pool: pool)
    let source = ToySource<Float>(count: 120, size: 36, classes: 3, seed: 4)
    let order = Array(0..<120)
    let losses = (0..<steps).map { step -> Double in
      let start = step * 30 % 120
      return trainer.step(order[start..<start + 30], from: source, rate: 3e-3).loss
    }
    return (trainer.weights.array, losses)
  }

  @Test func `a toy task is learned`() throws {
    let losses = try train(threads: 2, steps: 60).loss
    #expect(losses[0] > 0.9)
    #expect(losses.suffix(4).reduce(0, +) / 4 < 0.2)
  }

  @Test(arguments: try NamedVariant.all())
  func `every variant learns a toy task`(variant: NamedVariant) throws {
    func losses<Source: SampleSource<Float>>(_ source: Source) -> [Double] {
      let trainer = Trainer<Float>(
        variant.model, OptimizerConfiguration(rate: 1e-2, warmup: 0.1, decay: 0.01, clip: 1),
        batch: 24, seed: 1, pool: WorkerPool(threadCount: 1))
      let order = Array(0..<source.count)
      let steps = 250
      return (0..<steps).map { step in
        let start = step * 24 % source.count
        return trainer.step(
          order[start..<start + 24], from: source,
          rate: trainer.optimizer.configuration.rate(step: step, total: steps)
        ).loss
      }
    }
    let found =
      if variant.isText {
        losses(
          ToyTokens<Float>(
            count: 96, positions: variant.model.inputCount, vocabulary: 7,
            predictsNext: variant.model.variant.pooling == .each, seed: 2))
      } else {
        losses(
          ToySource<Float>(count: 96, size: 3 * variant.model.inputCount, classes: 3, seed: 2))
      }
    let (first, last) = (found[0], found.suffix(4).reduce(0, +) / 4)
    #expect(last < 0.6 * first, "\(first) to \(last)")
  }

  @Test(arguments: [OptimizerConfiguration.Algorithm.adamw, .sgd])
  func `gradients accumulated over parts are those of the whole batch`(
    algorithm: OptimizerConfiguration.Algorithm
  ) throws {
    let model = try ModelConfiguration(
      input: .patches(width: 4), positionCount: 9, width: 16, headCount: 2, layerCount: 2,
      mlpWidth: 32, classCount: 3)
    var optimizer = OptimizerConfiguration(rate: 1e-2, warmup: 0, decay: 0.1, clip: 1)
    optimizer.algorithm = algorithm
    let source = ToySource<Double>(count: 40, size: 36, classes: 3, seed: 4)
    let weights = [40, 10].map { batch -> [Double] in
      let trainer = Trainer<Double>(
        model, optimizer, batch: batch, seed: 1, pool: WorkerPool(threadCount: 1))
      for _ in 0..<3 { _ = trainer.step(Array(0..<40)[...], from: source, rate: 1e-2) }
      return trainer.weights.array
    }
    let difference = zip(weights[0], weights[1]).map { abs($0 - $1) }.max() ?? 1
    #expect(difference < 1e-9 && weights[0] != ParameterLayout(model).initialValues(seed: 1))
  }

  @Test func `a step that is not finite is refused, and its place is named`() throws {
    let model = try ModelConfiguration(
      input: .patches(width: 4), positionCount: 9, width: 16, headCount: 2, layerCount: 3,
      mlpWidth: 32, classCount: 3)
    let trainer = Trainer<Float>(
      model, OptimizerConfiguration(rate: 1, warmup: 0, decay: 0, clip: 1e9), batch: 8, seed: 1,
      pool: WorkerPool(threadCount: 2))
    let source = ToySource<Float>(count: 8, size: 36, classes: 3, seed: 4)
    let bias = trainer.layout.offset("blocks.1.mlp.down.bias")
    for c in 0..<16 { trainer.weights.start[bias + c] = 3e38 * (c % 2 == 0 ? 1 : -1) }
    let gain = trainer.layout.offset("blocks.2.attention.output.bias")
    for c in 0..<16 { trainer.weights.start[gain + c] = 3e38 * (c % 2 == 0 ? 1 : -1) }
    let before = trainer.weights.array
    let report = trainer.step(Array(0..<8)[...], from: source, rate: 1)
    #expect(!report.isFinite && trainer.weights.array == before)
    #expect(trainer.optimizer.stepCount == 0)
    #expect(
      trainer.firstNonFinite(Array(0..<8)[...], from: source)
        == "layer 2 after attention (residual.2.mid)")
  }

  @Test func `norms by layer and group add up to the global norm`() throws {
    let model = try ModelConfiguration(
      input: .patches(width: 4), positionCount: 9, width: 16, headCount: 2, layerCount: 2,
      mlpWidth: 32, classCount: 3)
    let trainer = Trainer<Double>(
      model, OptimizerConfiguration(rate: 0, warmup: 0, decay: 0, clip: 1e9), batch: 8, seed: 1,
      pool: WorkerPool(threadCount: 1))
    let source = ToySource<Double>(count: 8, size: 36, classes: 3, seed: 4)
    let norm = trainer.step(Array(0..<8)[...], from: source, rate: 0).gradientNorm
    var outside = 0.0
    for entry in trainer.layout.entries where !entry.name.hasPrefix("blocks.") {
      for i in 0..<entry.count {
        outside +=
          trainer.gradient.start[entry.offset + i] * trainer.gradient.start[entry.offset + i]
      }
    }
    let inside = trainer.layerSquares().flatMap { $0 }.reduce(0, +)
    #expect(abs((inside + outside).squareRoot() - norm) < 1e-12 * norm)
  }

  @Test func `choices that exclude each other are refused with the reason`() {
    let variants: [(ModelConfiguration.Variant, Int, String)] = [
      (NamedVariant.make { $0.positions = .rotary }, 16, "is even"),
      (NamedVariant.make { $0.pooling = .each }, 2, "patches have none"),
      (NamedVariant.make { ($0.pooling, $0.isCausal) = (.classToken, true) }, 2, "use mean"),
      (NamedVariant.make { $0.isTied = true }, 2, "there are none"),
      (NamedVariant.make { $0.keyValueHeads = 3 }, 4, "must divide heads"),
    ]
    for (variant, heads, reason) in variants {
      #expect {
        try ModelConfiguration(
          input: .patches(width: 4), positionCount: 9, width: 16, headCount: heads, layerCount: 2,
          mlpWidth: 32, classCount: 3, variant: variant)
      } throws: { ($0 as? ModelError)?.message.contains(reason) ?? false }
    }
  }

  @Test(arguments: [2, 3])
  func `results have the same bits for any number of threads`(threads: Int) throws {
    let one = try train(threads: 1, steps: 12)
    let several = try train(threads: threads, steps: 12)
    #expect(one.weights.map(\.bitPattern) == several.weights.map(\.bitPattern))
    #expect(one.loss == several.loss)
  }

  @Test func `impossible sizes are refused with what would do`() {
    #expect {
      try ModelConfiguration(
        input: .patches(width: 4), positionCount: 9, width: 64, headCount: 5, layerCount: 2,
        mlpWidth: 32,
        classCount: 3)
    } throws: { error in
      (error as? ModelError)?.message.contains("try heads: 4") ?? false
    }
  }

  @Test func `the learning rate rises linearly and falls to a hundredth`() {
    let optimizer = OptimizerConfiguration(rate: 1, warmup: 0.1, decay: 0, clip: 1)
    #expect(abs(optimizer.rate(step: 4, total: 100) - 0.5) < 1e-12)
    #expect(abs(optimizer.rate(step: 10, total: 100) - 1) < 1e-12)
    #expect(abs(optimizer.rate(step: 100, total: 100) - 0.01) < 1e-12)
  }
}
