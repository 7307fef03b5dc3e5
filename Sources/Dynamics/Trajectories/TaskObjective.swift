import Kernels
import Transformer

/// The task itself: an embedding and a classifier as the network has them, with the equation in place of all its layers, trained
/// together from scratch.
///
/// Dropout acts on the embedded stream only, because the equation has no branches to drop.
public final class TaskObjective<Samples: SampleSource>: FitObjective, @unchecked Sendable
where Samples.Scalar: KernelScalar {
  /// The scalar of the samples.
  public typealias S = Samples.Scalar
  /// Embedding and classifier: the network without layers.
  public let stem: ModelConfiguration
  /// Where their parameters lie.
  public let layout: ParameterLayout
  private let source: Samples
  private let indices: [Int]
  private let passes: [NetworkPass<S>]
  private let seed: UInt64

  /// The task of `network` on the samples `indices` of `source`.
  public init(
    _ network: ModelConfiguration, _ source: Samples, _ indices: [Int], smoothing: Double,
    seed: UInt64, capacity: Int, workers: Int
  ) {
    stem = Self.stem(network)
    let (stem, layout) = (stem, ParameterLayout(stem))
    (self.layout, self.source, self.indices, self.seed) = (layout, source, indices, seed)
    passes = (0..<workers).map { _ in
      let pass = NetworkPass<S>(stem, layout, capacity: capacity)
      pass.smoothing = smoothing
      return pass
    }
  }

  /// `network` without its layers and what lies between them.
  public static func stem(_ network: ModelConfiguration) -> ModelConfiguration {
    var stem = network
    (stem.layerCount, stem.refinements, stem.bottleneck) = (0, [], nil)
    return stem
  }

  /// Number of samples.
  public var count: Int { indices.count }

  /// Embeds, integrates and classifies the shard's samples, and goes back.
  public func accumulate(_ shard: FitShard<S>) -> FitLoss {
    let pass = passes[shard.worker]
    var targets = 0
    for sample in shard.samples { targets += source.targetCount(indices[sample]) }
    // The mean over targets; samples have as many each, or nearly: a stretch of text has all its tokens.
    let share = Double(shard.samples.count) / Double(shard.total)
    let factor = share / Double(max(targets, 1))
    integrate(
      shard.samples.map { indices[$0] }, pass, shard.pass, shard.weights, shard.coefficients,
      noise: stem.variant.dropout > 0 ? .init(seed: seed, index: shard.index) : nil)
    let score = pass.score(samples: shard.samples.count, factor: S(factor))
    let gradient = pass.readBack(
      shard.weights, gradients: shard.weightGradients, samples: shard.samples.count)
    let count = shard.pass.equation.shape(samples: shard.samples.count).stream
    let last = shard.pass.equation.network.layerCount - 1
    let first = shard.pass.backward(
      shard.coefficients, gradients: shard.coefficientGradients,
      Shard(samples: shard.samples.count, lengths: pass.sampleLengths),
      arrive: { layer, costate in
        if layer == last { Elementwise.add(gradient, to: costate, count: count) }
      })
    pass.embedBack(first, gradients: shard.weightGradients, samples: shard.samples.count)
    return FitLoss(task: score.loss * factor)
  }

  /// Integrates the samples `samples` of the source without dropout, as many at most as there is room for, and goes back from each
  /// one's own loss. Shows at every depth the states and the gradients of the losses with respect to them,
  /// `[sample, position, channel]`, from the last depth to the first; both hold during the call only.
  public func observe(
    _ samples: [Int], _ weights: UnsafeMutablePointer<S>, _ coefficients: UnsafeMutablePointer<S>,
    _ trajectory: TrajectoryPass<S>, worker: Int,
    _ show: (
      _ depth: Int, _ shard: Shard, _ states: UnsafePointer<S>, _ gradients: UnsafePointer<S>
    ) -> Void
  ) {
    let pass = passes[worker]
    let equation = trajectory.equation
    let (layers, count) = (
      equation.network.layerCount, equation.shape(samples: samples.count).stream
    )
    // Nothing is learned here: the gradients of parameters are thrown away.
    let (ignored, slopes) = (
      Buffer<S>(layout.count), Buffer<S>(Coefficients<S>(equation).values.count)
    )
    integrate(samples, pass, trajectory, weights, coefficients, noise: nil)
    let smoothing = pass.smoothing
    pass.smoothing = 0
    _ = pass.score(samples: samples.count, factor: 1)
    pass.smoothing = smoothing
    let last = pass.readBack(weights, gradients: ignored.start, samples: samples.count)
    let shard = Shard(samples: samples.count, lengths: pass.sampleLengths)
    let first = trajectory.backward(coefficients, gradients: slopes.start, shard) {
      layer, costate in
      if layer == layers - 1 { Elementwise.add(last, to: costate, count: count) }
      show(layer + 1, shard, trajectory.state(layer + 1), costate)
    }
    show(0, shard, trajectory.state(0), first)
  }

  private func integrate(
    _ samples: [Int], _ pass: NetworkPass<S>, _ trajectory: TrajectoryPass<S>,
    _ weights: UnsafeMutablePointer<S>, _ coefficients: UnsafeMutablePointer<S>,
    noise: NetworkPass<S>.Noise?
  ) {
    for (place, sample) in samples.enumerated() { source.write(sample, to: pass.slot(place)) }
    let count = trajectory.equation.shape(samples: samples.count).stream
    let stream = pass.embed(weights, samples: samples.count, noise: noise)
    trajectory.initial.update(from: stream, count: count)
    trajectory.forward(
      coefficients, Shard(samples: samples.count, lengths: pass.sampleLengths))
    stream.update(from: trajectory.state(trajectory.equation.network.layerCount), count: count)
    pass.readOut(weights, samples: samples.count)
  }

  /// Cross entropy and targets met over the samples `indices`, of the source, without training; at most as many at once as there
  /// is room for in `trajectories`, one for each of the pool's workers.
  public func evaluate(
    _ indices: [Int], _ weights: UnsafeMutablePointer<S>,
    _ coefficients: UnsafeMutablePointer<S>, _ trajectories: [TrajectoryPass<S>], pool: WorkerPool
  ) -> NetworkPass<S>.Score {
    let chunk = min(passes[0].capacity, trajectories[0].capacity)
    var scores = [NetworkPass<S>.Score](
      repeating: .init(), count: (indices.count + chunk - 1) / chunk)
    scores.withUnsafeMutableBufferPointer { scores in
      pool.forEach(scores.count) { item, worker in
        let part = indices[item * chunk..<min((item + 1) * chunk, indices.count)]
        let pass = passes[worker]
        integrate(Array(part), pass, trajectories[worker], weights, coefficients, noise: nil)
        let smoothing = pass.smoothing
        pass.smoothing = 0
        scores[item] = pass.score(samples: part.count, factor: 0)
        pass.smoothing = smoothing
      }
    }
    return scores.reduce(.init()) { $0 + $1 }
  }
}
