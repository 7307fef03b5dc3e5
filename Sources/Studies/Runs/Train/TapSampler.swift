import Kernels
import Transformer

/// Runs a Transformer over chosen samples and gathers what taps see, in parallel, without touching training. Its memory is
/// taken once and serves every checkpoint.
final class TapSampler {
  private let study: LoadedStudy
  private let taps: [(tap: Tap, samples: Int)]
  private let pool: WorkerPool
  private let chunk = 16
  private let passes: [NetworkPass<Float>]
  /// Parameter gradients nobody wants, one a worker; empty without gradient taps.
  private let discarded: [Buffer<Float>]
  private let sizes: [Int]
  private let results: [Buffer<Float>]

  init(_ study: LoadedStudy, _ taps: [(tap: Tap, samples: Int)], pool: WorkerPool) {
    (self.study, self.taps, self.pool) = (study, taps, pool)
    let layout = ParameterLayout(study.model)
    let chunk = chunk
    passes = (0..<pool.threadCount).map { _ in
      NetworkPass<Float>(study.model, layout, capacity: chunk)
    }
    let wantsGradients = taps.contains { $0.tap.isGradient }
    discarded = wantsGradients ? (0..<pool.threadCount).map { _ in Buffer(layout.count) } : []
    sizes = taps.map { $0.tap.size(study.model) }
    results = zip(sizes, taps).map { Buffer<Float>($0 * $1.samples) }
  }

  /// Values of each tap over its first samples of `samples`, `[sample, ...]`; they hold until the next call. Samples are the study's
  /// own unless they come from elsewhere.
  func run(
    _ weights: Buffer<Float>, samples: [Int], from source: (any SampleSource<Float>)? = nil
  ) -> [Buffer<Float>] {
    let source = source ?? study.source
    collect(weights, samples, from: source)
    return results
  }

  private func collect<Source: SampleSource<Float>>(
    _ weights: Buffer<Float>, _ samples: [Int], from source: Source
  ) {
    let longest = min(samples.count, taps.map(\.samples).max() ?? 0)
    pool.forEach((longest + chunk - 1) / chunk) { item, worker in
      let part = samples[item * chunk..<min((item + 1) * chunk, longest)]
      let pass = passes[worker]
      var place = 0
      for index in part {
        source.write(index, to: pass.slot(place))
        place += 1
      }
      pass.forward(weights.start, samples: part.count)
      let wanted = taps.indices.filter { taps[$0].samples > item * chunk }
      for index in wanted where !taps[index].tap.isGradient {
        write(index, item, pass)
      }
      guard wanted.contains(where: { taps[$0].tap.isGradient }) else { return }
      gradients(weights, pass, discarded[worker], item, part.count, wanted)
    }
  }

  private func write(_ index: Int, _ item: Int, _ pass: NetworkPass<Float>) {
    let count = min(chunk, taps[index].samples - item * chunk)
    TapReader(pass, samples: count).write(
      taps[index].tap.place, to: results[index].start + item * chunk * sizes[index])
  }

  private func gradients(
    _ weights: Buffer<Float>, _ pass: NetworkPass<Float>, _ discarded: Buffer<Float>, _ item: Int,
    _ count: Int, _ wanted: [Int]
  ) {
    let room = Buffer<Float>(wanted.map { sizes[$0] }.max().map { $0 * count } ?? 0)
    TapReader(pass, samples: count).gradients(weights.start, discarded: discarded.start) {
      [self] place, fill in
      for index in wanted where taps[index].tap == Tap(place, isGradient: true) {
        fill(room.start)
        let kept = min(count, taps[index].samples - item * chunk)
        (results[index].start + item * chunk * sizes[index]).update(
          from: room.start, count: kept * sizes[index])
      }
    }
  }

  /// Bytes such a sampler takes.
  static func byteCount(
    _ study: LoadedStudy, _ taps: [(tap: Tap, samples: Int)], threads: Int
  ) -> Int {
    let layout = ParameterLayout(study.model)
    let values = taps.reduce(0) { $0 + $1.tap.size(study.model) * $1.samples } * 4
    let gradients = taps.contains { $0.tap.isGradient } ? threads * layout.count * 4 : 0
    return values + gradients
      + threads * NetworkPass<Float>.byteCount(study.model, capacity: 16)
  }
}
