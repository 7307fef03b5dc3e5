import Archive
import Console
import Kernels
import Transformer

/// A network that was trained here, over the test samples of its data set.
struct TrainedEvaluation: Evaluated {
  private let run: TrainedRun
  private let own: Buffer<Float>
  private let other: Buffer<Float>?
  private let otherReader: RunReader?
  private let before: Buffer<Float>
  private let pool: WorkerPool
  private let seed: UInt64
  let untrained: String
  let title: String

  /// Samples whose scores are one block.
  private static let block = 16

  /// - Parameters:
  ///   - checkpoint: from 0; nil for the last.
  ///   - against: another run of the same shape, or the same run, and its checkpoint.
  init(
    _ name: String, checkpoint: Int?, against: (name: String, checkpoint: Int?)?, seed: UInt64,
    threads: Int
  ) throws {
    run = try TrainedRun(name, settings: [])
    (self.seed, pool) = (seed, WorkerPool(threadCount: threads))
    title = run.reader.title
    let count = try run.checkpointCount()
    own = try run.weights(try EvaluationRun.row(checkpoint, of: count, run.reader.path))
    let first = try run.reader.readRow(Layout.Checkpoints.step, 0, as: Int32.self).elements.first
    if first == 0 {
      (before, untrained) = (try run.weights(0), "the network before training")
    } else {
      before = Buffer<Float>(run.layout.count)
      before.assign(run.layout.initialValues(seed: seed).map { Float($0) })
      untrained = "first values drawn anew, seed \(seed)"
    }
    guard let against else {
      (other, otherReader) = (nil, nil)
      return
    }
    let second = try TrainedRun(against.name, settings: [])
    guard second.study.model == run.study.model else {
      throw UsageError(
        "--against \(against.name): expected a network of the shape of \(run.reader.path), found another; train both with one model section"
      )
    }
    let row = try EvaluationRun.row(
      against.checkpoint, of: try second.checkpointCount(), second.reader.path,
      option: "--against-checkpoint")
    (other, otherReader) = (try second.weights(row), second.reader)
  }

  func sources() throws -> [Provenance.Source] {
    try [run.source()] + [otherReader].compactMap { $0 }.map { try $0.asSource() }
  }

  var blocks: String { "blocks of \(Self.block) samples" }

  func score(_ weights: EvaluatedWeights, shuffled: Bool) throws -> EvaluatedScore {
    // One sample has no other's answers.
    guard !shuffled || run.study.data.testIndices.count > 1 else { return EvaluatedScore() }
    let buffer = Buffer<Float>(own.count)
    switch weights {
    case .untrained: buffer.start.update(from: before.start, count: own.count)
    case .mixture(let fraction):
      let end = other ?? own
      for i in 0..<own.count {
        // Both ends are themselves to the bit.
        buffer.start[i] =
          fraction == 0
          ? own.start[i]
          : fraction == 1
            ? end.start[i]
            : Float((1 - fraction) * Double(own.start[i]) + fraction * Double(end.start[i]))
      }
    }
    let source = run.study.source
    return collect(buffer, source, shuffled: shuffled)
  }

  private func collect<Source: SampleSource<Float>>(
    _ weights: Buffer<Float>, _ source: Source, shuffled: Bool
  ) -> EvaluatedScore {
    let samples = run.study.data.testIndices
    let (model, size) = (run.study.model, Self.block)
    let passes = (0..<pool.threadCount).map { _ in
      NetworkPass<Float>(model, run.layout, capacity: size)
    }
    let count = (samples.count + size - 1) / size
    var results = [NetworkPass<Float>.Score](repeating: .init(), count: count)
    results.withUnsafeMutableBufferPointer { results in
      let out = results.baseAddress
      pool.forEach(count) { item, worker in
        let places = item * size..<min((item + 1) * size, samples.count)
        let pass = passes[worker]
        for (slot, place) in places.enumerated() {
          let target = pass.slot(slot)
          var answers: [Int32] = []
          if shuffled {
            source.write(samples[(place + 1) % samples.count], to: target)
            answers = (0..<model.targetCount).map { target.targets[$0] }
          }
          source.write(samples[place], to: target)
          for (index, answer) in answers.enumerated() { target.targets[index] = answer }
        }
        pass.forward(weights.start, samples: places.count)
        pass.smoothing = 0
        out?[item] = pass.score(samples: places.count, factor: 0)
      }
    }
    return EvaluatedScore(
      blocks: results.map { ($0.loss, $0.count) },
      correct: results.reduce(0) { $0 + $1.correct })
  }
}
