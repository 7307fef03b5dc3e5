import Kernels
import Testing
import Transformer

@Suite struct TrainerTests {
  private func train(threads: Int, steps: Int) throws -> (weights: [Float], loss: [Double]) {
    let model = try ModelConfiguration(
      inputWidth: 4, positionCount: 9, width: 16, headCount: 2, layerCount: 2, mlpWidth: 32,
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
        inputWidth: 4, positionCount: 9, width: 64, headCount: 5, layerCount: 2, mlpWidth: 32,
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
