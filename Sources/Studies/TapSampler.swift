import Kernels
import Transformer

/// Runs the encoder over chosen samples and gathers what taps see, in parallel, without touching training.
struct TapSampler {
  private let study: ImageStudy
  private let taps: [Tap]
  private let pool: WorkerPool
  private let chunk = 16

  init(_ study: ImageStudy, _ taps: [Tap], pool: WorkerPool) {
    (self.study, self.taps, self.pool) = (study, taps, pool)
  }

  /// Values of each tap over the first `limits[tap]` of `samples`, `[sample, ...]`.
  func run(_ weights: Buffer<Float>, samples: [Int], limits: [Int]) -> [Buffer<Float>] {
    let layout = ParameterLayout(study.model)
    let passes = (0..<pool.threadCount).map { _ in
      EncoderPass<Float>(study.model, layout, capacity: chunk)
    }
    let sizes = taps.map { $0.axes(study.model, samples: 1).map(\.length).reduce(1, *) }
    let results = zip(sizes, limits).map { Buffer<Float>($0 * $1) }
    let width = study.model.positionCount * study.model.inputWidth
    let items = (samples.count + chunk - 1) / chunk
    pool.forEach(items) { item, worker in
      let part = samples[item * chunk..<min((item + 1) * chunk, samples.count)]
      for (place, index) in part.enumerated() {
        study.source.write(index, to: passes[worker].input + place * width)
      }
      passes[worker].forward(weights.start, samples: part.count)
      for (index, tap) in taps.enumerated() {
        let count = min(part.count, limits[index] - item * chunk)
        guard count > 0,
          let values = tap.values(in: passes[worker], samples: count).baseAddress
        else { continue }
        (results[index].start + item * chunk * sizes[index]).update(
          from: values, count: count * sizes[index])
      }
    }
    return results
  }
}
