import Kernels

/// Where a trainer gets its samples; implemented over whatever holds them.
public protocol SampleSource<Scalar>: Sendable {
  /// The scalar the network computes in.
  associatedtype Scalar: KernelScalar
  /// Number of samples.
  var count: Int { get }
  /// Writes the input `[position, inputWidth]` of one sample.
  func write(_ index: Int, to input: UnsafeMutablePointer<Scalar>)
  /// The class of one sample.
  func label(_ index: Int) -> Int32
}

/// What one training step did.
public struct StepReport: Sendable {
  /// Mean cross entropy over the batch, nats.
  public var loss: Double
  /// Share of the batch classified rightly before the step.
  public var accuracy: Double
  /// Global gradient norm before clipping.
  public var gradientNorm: Double
  /// Learning rate used.
  public var rate: Double
  /// Mean bound on I(X;Z) of the bottleneck, nats; 0 without one.
  public var informationBound: Double
}

/// Trains an encoder: shards of the batch on a worker pool, gradients added in the shards' order.
///
/// The number of shards is fixed, not the number of threads, so the result has the same bits for any number of
/// threads (on one OpenBLAS core).
public final class Trainer<S: KernelScalar>: @unchecked Sendable {
  /// Sizes of the encoder.
  public let model: ModelConfiguration
  /// Where the parameters lie.
  public let layout: ParameterLayout
  /// The weights.
  public let weights: Buffer<S>
  /// Gradient of the last step, laid out as the weights.
  public let gradient: Buffer<S>
  /// Moments and settings.
  public let optimizer: Optimizer<S>
  /// Shards a batch is cut into.
  public static var shardCount: Int { 8 }

  private let pool: WorkerPool
  private let passes: [EncoderPass<S>]
  private let partial: [Buffer<S>]
  private let labels: [UnsafeMutableBufferPointer<Int32>]
  private let shardCapacity: Int
  private let noiseSeed: UInt64
  private let outcomes: UnsafeMutableBufferPointer<(loss: Double, correct: Int, bound: Double)>

  /// An encoder with weights drawn from `seed`, for batches of up to `batch` samples.
  public init(
    _ model: ModelConfiguration, _ optimizer: OptimizerConfiguration, batch: Int, seed: UInt64,
    pool: WorkerPool
  ) {
    self.model = model
    self.pool = pool
    let layout = ParameterLayout(model)
    self.layout = layout
    weights = Buffer(layout.count)
    weights.assign(layout.initialValues(seed: seed).map { S($0) })
    gradient = Buffer(layout.count)
    self.optimizer = Optimizer(optimizer, layout)
    let capacity = (batch + Self.shardCount - 1) / Self.shardCount
    shardCapacity = capacity
    passes = (0..<pool.threadCount).map { _ in EncoderPass(model, layout, capacity: capacity) }
    partial = (0..<Self.shardCount).map { _ in Buffer(layout.count) }
    labels = (0..<pool.threadCount).map { _ in .allocate(capacity: capacity) }
    outcomes = .allocate(capacity: Self.shardCount)
    outcomes.initialize(repeating: (0, 0, 0))
    noiseSeed = seed
  }

  deinit {
    for buffer in labels { buffer.deallocate() }
    outcomes.deallocate()
  }

  /// Bytes of activations, gradients and moments held.
  public var byteCount: Int {
    passes.reduce(0) { $0 + $1.byteCount }
      + (partial.count + 4) * layout.count * MemoryLayout<S>.stride
  }

  /// One step on the samples `batch` of `source`.
  public func step<Source: SampleSource>(
    _ batch: ArraySlice<Int>, from source: Source, rate: Double
  ) -> StepReport where Source.Scalar == S {
    let (loss, correct, bound) = accumulate(batch, from: source)
    let norm = reduce()
    optimizer.step(weights.start, gradient: gradient.start, norm: norm, rate: rate)
    return StepReport(
      loss: loss / Double(batch.count), accuracy: Double(correct) / Double(batch.count),
      gradientNorm: norm, rate: rate, informationBound: bound / Double(batch.count))
  }

  /// Loss and gradient of `batch` without a step; the gradient is left in ``gradient``. Returns the mean loss,
  /// with the weighted bound of a bottleneck.
  public func evaluateGradient<Source: SampleSource>(
    _ batch: ArraySlice<Int>, from source: Source
  ) -> Double where Source.Scalar == S {
    let (loss, _, bound) = accumulate(batch, from: source)
    _ = reduce()
    return (loss + (model.bottleneck?.weight ?? 0) * bound) / Double(batch.count)
  }

  /// Mean cross entropy and accuracy over the samples `indices`, without training.
  public func evaluate<Source: SampleSource>(
    _ indices: [Int], from source: Source
  ) -> (loss: Double, accuracy: Double) where Source.Scalar == S {
    var results = [(loss: Double, correct: Int)](
      repeating: (0, 0), count: (indices.count + shardCapacity - 1) / max(shardCapacity, 1))
    results.withUnsafeMutableBufferPointer { results in
      pool.forEach(results.count) { item, worker in
        let low = item * shardCapacity
        let part = indices[low..<min(low + shardCapacity, indices.count)]
        load(part, from: source, worker)
        passes[worker].forward(weights.start, samples: part.count)
        results[item] = score(worker, part.count, factor: 0)
      }
    }
    let loss = results.reduce(0) { $0 + $1.loss }
    let correct = results.reduce(0) { $0 + $1.correct }
    return (loss / Double(indices.count), Double(correct) / Double(indices.count))
  }

  private func accumulate<Source: SampleSource>(
    _ batch: ArraySlice<Int>, from source: Source
  ) -> (loss: Double, correct: Int, bound: Double) where Source.Scalar == S {
    let factor = 1 / S(batch.count)
    let shards = Self.shardCount
    // A stream a step and shard: the same noise for any number of threads, and after resuming.
    let step = UInt64(optimizer.stepCount)
    pool.forEach(shards) { shard, worker in
      let low = batch.startIndex + batch.count * shard / shards
      let high = batch.startIndex + batch.count * (shard + 1) / shards
      partial[shard].clear()
      outcomes[shard] = (0, 0, 0)
      guard high > low else { return }
      load(batch[low..<high], from: source, worker)
      let noise =
        model.bottleneck == nil
        ? nil
        : Philox(
          seed: noiseSeed, purpose: .noise, index: step * UInt64(shards) + UInt64(shard))
      passes[worker].forward(weights.start, samples: high - low, noise: noise)
      let (loss, correct) = score(worker, high - low, factor: factor)
      outcomes[shard] = (loss, correct, passes[worker].informationBound)
      passes[worker].backward(
        weights.start, gradients: partial[shard].start, samples: high - low)
    }
    return outcomes.reduce((0, 0, 0)) { ($0.0 + $1.loss, $0.1 + $1.correct, $0.2 + $1.bound) }
  }

  private func load<Source: SampleSource>(
    _ part: ArraySlice<Int>, from source: Source, _ worker: Int
  ) where Source.Scalar == S {
    let size = model.positionCount * model.inputWidth
    for (place, index) in part.enumerated() {
      source.write(index, to: passes[worker].input + place * size)
      labels[worker][place] = source.label(index)
    }
  }

  private func score(_ worker: Int, _ samples: Int, factor: S) -> (loss: Double, correct: Int) {
    guard let labels = labels[worker].baseAddress else { return (0, 0) }
    return passes[worker].loss(labels: labels, samples: samples, factor: factor)
  }

  /// Adds the shards' gradients in their order and returns the global norm.
  private func reduce() -> Double {
    let pieces = 16
    let count = layout.count
    var squares = [Double](repeating: 0, count: pieces)
    squares.withUnsafeMutableBufferPointer { squares in
      pool.forEach(pieces) { piece, _ in
        let (low, high) = (count * piece / pieces, count * (piece + 1) / pieces)
        let sum = gradient.start + low
        sum.update(from: partial[0].start + low, count: high - low)
        for shard in 1..<Self.shardCount {
          Elementwise.add(partial[shard].start + low, to: sum, count: high - low)
        }
        squares[piece] = Elementwise.sumOfSquares(sum, count: high - low)
      }
    }
    return squares.reduce(0, +).squareRoot()
  }
}
