import Kernels

/// Trains a Transformer: shards of the batch on a worker pool, gradients added in an order of their own (``Kernels/ShardSum``).
///
/// The number of shards is fixed, not the number of threads, so the result has the same bits for any number of
/// threads (on one OpenBLAS core). A step allocates nothing.
public final class Trainer<S: KernelScalar>: @unchecked Sendable {
  /// Sizes of the Transformer.
  public let model: ModelConfiguration
  /// Where the parameters lie.
  public let layout: ParameterLayout
  /// The weights.
  public let weights: Buffer<S>
  /// Gradient of the last step, laid out as the weights.
  public let gradient: Buffer<S>
  /// Moments and settings.
  public let optimizer: Optimizer<S>
  /// Shards a batch is cut into: what decides the bits of a sum, and how many workers have something to do.
  public let shardCount: Int
  /// Label smoothing of training steps.
  public var smoothing = 0.0
  /// Parts that a step goes through at most: a shorter one, at the end of an epoch, draws no random numbers of another step's.
  public var partsPerStep = 1

  let pool: WorkerPool
  /// Who else takes each step, with the same weights.
  let others: any Collective
  let passes: [NetworkPass<S>]
  private let sum: ShardSum<S>
  private let microBatch: Int
  private let shardCapacity: Int
  private let seed: UInt64
  /// Scores of a step, `[part][shard]`.
  private var outcomes: UnsafeMutableBufferPointer<NetworkPass<S>.Score>
  /// Σ g² of each parameter in the last step.
  private let squares: UnsafeMutableBufferPointer<Double>
  private let groups: [(layer: Int, group: ParameterGroup)?]

  /// A Transformer with weights drawn from `seed`. A step on more than `batch` samples goes through them `batch` at a time
  /// and adds up the gradients.
  public init(
    _ model: ModelConfiguration, _ optimizer: OptimizerConfiguration, batch: Int, seed: UInt64,
    shards: Int = 8, pool: WorkerPool, with others: any Collective = SingleProcess()
  ) {
    (self.model, self.pool, self.seed, microBatch) = (model, pool, seed, batch)
    self.others = others
    shardCount = shards
    let layout = ParameterLayout(model)
    self.layout = layout
    weights = Buffer(layout.count)
    weights.assign(layout.initialValues(seed: seed).map { S($0) })
    gradient = Buffer(layout.count)
    self.optimizer = Optimizer(optimizer, layout)
    let capacity = (batch + shards - 1) / shards
    shardCapacity = capacity
    passes = (0..<pool.threadCount).map { _ in NetworkPass(model, layout, capacity: capacity) }
    sum = ShardSum(
      shards: shards, threads: pool.threadCount, into: gradient, with: others)
    outcomes = .allocate(capacity: shards)
    outcomes.initialize(repeating: .init())
    squares = .allocate(capacity: layout.entries.count)
    squares.initialize(repeating: 0)
    groups = layout.entries.map { ParameterGroup.of($0.name) }
  }

  deinit {
    outcomes.deallocate()
    squares.deallocate()
  }

  /// Bytes of activations, weights, gradients and moments held by such a trainer.
  public static func byteCount(
    _ model: ModelConfiguration, _ optimizer: OptimizerConfiguration, batch: Int,
    shards: Int = 8, threads: Int
  ) -> Int {
    let layout = ParameterLayout(model)
    let capacity = (batch + shards - 1) / shards
    let moments = optimizer.algorithm == .adamw ? 2 : 1
    return threads * NetworkPass<S>.byteCount(model, capacity: capacity)
      + (ShardSum<S>.bufferCount(shards: shards, threads: threads) + 2 + moments) * layout.count
      * MemoryLayout<S>.stride
  }

  /// One step on the samples `batch` of `source`, taken only if loss and gradient are finite.
  public func step<Source: SampleSource>(
    _ batch: ArraySlice<Int>, from source: Source, rate: Double
  ) -> StepReport where Source.Scalar == S {
    let score = accumulate(batch, from: source)
    let norm = gradientNorm()
    let count = Double(max(score.count, 1))
    let report = StepReport(
      loss: score.loss / count, accuracy: Double(score.correct) / count, gradientNorm: norm,
      rate: rate, informationBound: score.bound / Double(batch.count))
    if report.isFinite {
      optimizer.stepCount += 1
      pool.run(MoveLoop.pieces, MoveLoop(trainer: self, norm: norm, rate: rate))
    }
    return report
  }

  /// Loss and gradient of `batch` without a step; the gradient is left in ``gradient``. Returns the mean loss,
  /// with the weighted bound of a bottleneck.
  public func evaluateGradient<Source: SampleSource>(
    _ batch: ArraySlice<Int>, from source: Source
  ) -> Double where Source.Scalar == S {
    let score = accumulate(batch, from: source)
    let weight = model.bottleneck?.weight ?? 0
    return (score.loss + weight * score.bound) / Double(max(score.count, 1))
  }

  /// Cross entropy, without smoothing, and targets met over the samples `indices`, without training.
  public func evaluate<Source: SampleSource>(
    _ indices: [Int], from source: Source
  ) -> NetworkPass<S>.Score where Source.Scalar == S {
    var results = [NetworkPass<S>.Score](
      repeating: .init(), count: (indices.count + shardCapacity - 1) / max(shardCapacity, 1))
    let (first, last) = (
      results.count * others.rank / others.size, results.count * (others.rank + 1) / others.size
    )
    results.withUnsafeMutableBufferPointer { results in
      pool.forEach(last - first) { own, worker in
        let item = first + own
        let low = item * shardCapacity
        let part = indices[low..<min(low + shardCapacity, indices.count)]
        let pass = passes[worker]
        load(part, from: source, pass)
        pass.forward(weights.start, samples: part.count)
        pass.smoothing = 0
        results[item] = pass.score(samples: part.count, factor: 0)
      }
    }
    guard others.size > 1 else { return results.reduce(.init()) { $0 + $1 } }
    let most = (results.count + others.size - 1) / others.size
    let own = (0..<most).map { first + $0 < last ? results[first + $0] : .init() }
    for (rank, scores) in others.gathered(own).enumerated() {
      let begin = results.count * rank / others.size
      for item in begin..<results.count * (rank + 1) / others.size {
        results[item] = scores[item - begin]
      }
    }
    return results.reduce(.init()) { $0 + $1 }
  }

  /// Σ g² of the last step, by layer and group: `[layer][group]`, groups in the order of ``ParameterGroup``.
  public func layerSquares() -> [[Double]] {
    var sums = [[Double]](
      repeating: [Double](repeating: 0, count: ParameterGroup.allCases.count),
      count: model.layerCount)
    for (index, place) in groups.enumerated() {
      if let place { sums[place.layer][place.group.rawValue] += squares[index] }
    }
    return sums
  }

  private func accumulate<Source: SampleSource>(
    _ batch: ArraySlice<Int>, from source: Source
  ) -> NetworkPass<S>.Score where Source.Scalar == S {
    var targets = 0
    for index in batch { targets += source.targetCount(index) }
    let factor = 1 / S(max(targets, 1))
    let parts = max(1, (batch.count + microBatch - 1) / microBatch)
    if outcomes.count < parts * shardCount { makeRoom(parts) }
    for wave in 0..<sum.waveCount {
      let shards = sum.shards(ofWave: wave)
      for part in 0..<parts {
        let low = batch.startIndex + part * microBatch
        let piece = batch[low..<min(low + microBatch, batch.endIndex)]
        // A stream a step, part and shard: the same numbers for any number of threads, and after resuming.
        let index = UInt64(optimizer.stepCount * max(parts, partsPerStep) + part)
        pool.run(
          shards.count,
          ShardLoop(
            trainer: self, batch: piece, source: source, factor: factor, index: index, part: part,
            wave: wave, firstShard: shards.lowerBound))
      }
      sum.takeIn(wave: wave, pool)
    }
    sum.finish(pool)
    gatherOutcomes(parts)
    var total = NetworkPass<S>.Score()
    for place in 0..<parts * shardCount { total = total + outcomes[place] }
    return total
  }

  /// Everybody's scores at every process.
  private func gatherOutcomes(_ parts: Int) {
    guard others.size > 1 else { return }
    let most = (shardCount + others.size - 1) / others.size
    let own = sum.ownShards
    let values = (0..<parts * most).map { place -> NetworkPass<S>.Score in
      let (part, shard) = (place / most, own.lowerBound + place % most)
      return shard < own.upperBound ? outcomes[part * shardCount + shard] : .init()
    }
    for (rank, scores) in others.gathered(values).enumerated() {
      let first = shardCount * rank / others.size
      for shard in first..<shardCount * (rank + 1) / others.size {
        for part in 0..<parts {
          outcomes[part * shardCount + shard] = scores[part * most + shard - first]
        }
      }
    }
  }

  /// Room for the scores of a step of `parts` parts; steps of one size need it once.
  private func makeRoom(_ parts: Int) {
    outcomes.deallocate()
    outcomes = .allocate(capacity: parts * shardCount)
    outcomes.initialize(repeating: .init())
  }

  /// Forward, loss and backward of each shard. Loops of a step are structures: a closure would be allocated.
  private struct ShardLoop<Source: SampleSource<S>>: LoopBody {
    let trainer: Trainer<S>
    let batch: ArraySlice<Int>
    let source: Source
    let factor: S
    let index: UInt64
    let part: Int, wave: Int, firstShard: Int

    func run(_ lane: Int, worker: Int) {
      let (shards, shard) = (trainer.shardCount, firstShard + lane)
      let low = batch.startIndex + batch.count * shard / shards
      let high = batch.startIndex + batch.count * (shard + 1) / shards
      let partial = trainer.sum.vector(wave: wave, lane)
      let place = part * shards + shard
      if part == 0 { partial.clear() }
      trainer.outcomes[place] = .init()
      guard high > low else { return }
      let (pass, weights) = (trainer.passes[worker], trainer.weights.start)
      trainer.load(batch[low..<high], from: source, pass)
      let isNoisy = trainer.model.bottleneck != nil || trainer.model.variant.dropout > 0
      let stream = index * UInt64(shards) + UInt64(shard)
      pass.forward(
        weights, samples: high - low,
        noise: isNoisy ? .init(seed: trainer.seed, index: stream) : nil)
      pass.smoothing = trainer.smoothing
      trainer.outcomes[place] = pass.score(samples: high - low, factor: factor)
      pass.backward(weights, gradients: partial.start, samples: high - low)
    }
  }

  /// Σ g² of each parameter.
  private struct SquareLoop: LoopBody {
    let trainer: Trainer<S>

    func run(_ index: Int, worker: Int) {
      let entry = trainer.layout.entries[index]
      trainer.squares[index] = Elementwise.sumOfSquares(
        trainer.gradient.start + entry.offset, count: entry.count)
    }
  }

  /// The optimiser's step, a piece of the vector an item.
  private struct MoveLoop: LoopBody {
    static var pieces: Int { 16 }
    let trainer: Trainer<S>
    let norm: Double
    let rate: Double

    func run(_ piece: Int, worker: Int) {
      let count = trainer.layout.count
      trainer.optimizer.move(
        trainer.weights.start, gradient: trainer.gradient.start, norm: norm, rate: rate,
        count * piece / Self.pieces..<count * (piece + 1) / Self.pieces)
    }
  }

  func load<Source: SampleSource>(
    _ part: ArraySlice<Int>, from source: Source, _ pass: NetworkPass<S>
  ) where Source.Scalar == S {
    var place = 0
    for index in part {
      source.write(index, to: pass.slot(place))
      place += 1
    }
  }

  /// The norm of the whole gradient; leaves Σ g² of each parameter in ``squares``.
  private func gradientNorm() -> Double {
    pool.run(layout.entries.count, SquareLoop(trainer: self))
    var total = 0.0
    for square in squares { total += square }
    return total.squareRoot()
  }
}
