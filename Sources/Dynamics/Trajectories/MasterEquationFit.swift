import Kernels
import Transformer

/// How an equation is fitted.
public struct FitConfiguration: Sendable {
  /// How it is integrated, and steps between two layers.
  public var stepper: FitStepper, substeps: Int
  /// Passes over the fit samples, samples a step, and shards that these are cut into.
  public var epochs: Int, batch: Int, shards: Int
  /// AdamW's settings.
  public var optimizer: OptimizerConfiguration
  /// Seed of initial weights and order.
  public var seed: UInt64

  /// All settings.
  public init(
    stepper: FitStepper, substeps: Int = 1, epochs: Int, batch: Int, shards: Int = 8,
    optimizer: OptimizerConfiguration, seed: UInt64
  ) {
    (self.stepper, self.substeps) = (stepper, substeps)
    (self.epochs, self.batch, self.shards) = (epochs, batch, shards)
    (self.optimizer, self.seed) = (optimizer, seed)
  }

  /// Samples of the largest shard of a step: what an objective must have room for.
  public var capacity: Int { (batch + shards - 1) / shards }
}

/// Fits a master equation: shards on a worker pool, gradients added in a fixed order (``Kernels/ShardSum``).
public final class MasterEquationFit<S: KernelScalar>: @unchecked Sendable {
  /// The equation.
  public let equation: MasterEquation
  /// All parameters: the objective's own, then the equation's.
  public let weights: Buffer<S>
  /// Where they lie.
  public let layout: ParameterLayout
  /// Settings.
  public let configuration: FitConfiguration
  /// Gradient of the last step, laid out as the weights.
  public let gradient: Buffer<S>
  /// Working memory, one for each of the pool's workers.
  public let passes: [TrajectoryPass<S>]
  private let objective: any FitObjective<S>
  private let pool: WorkerPool
  private let coefficients: Coefficients<S>
  /// Number of the objective's own parameters.
  private let ownCount: Int
  /// For each shard, gradients of the objective's own parameters, then of the coefficients.
  private let sum: ShardSum<S>
  private let slopes: Buffer<S>
  private let optimizer: Optimizer<S>

  /// A fit of `equation` to `objective`, with initial parameters drawn from the seed.
  public init(
    _ equation: MasterEquation, to objective: any FitObjective<S>,
    _ configuration: FitConfiguration, pool: WorkerPool
  ) {
    (self.equation, self.configuration, self.pool) = (equation, configuration, pool)
    self.objective = objective
    var layout = objective.layout
    ownCount = layout.count
    for entry in equation.layout.entries { layout.append(entry.name, entry.axes, entry.start) }
    self.layout = layout
    weights = Buffer(layout.count)
    weights.assign(
      layout.initialValues(seed: configuration.seed, purpose: .dynamics).map { S($0) })
    gradient = Buffer(layout.count)
    let capacity = configuration.capacity
    passes = (0..<pool.threadCount).map { _ in
      TrajectoryPass(
        equation, configuration.stepper, substeps: configuration.substeps, capacity: capacity)
    }
    let coefficients = Coefficients<S>(equation)
    self.coefficients = coefficients
    let count = ownCount + coefficients.values.count
    slopes = Buffer(count)
    sum = ShardSum(
      shards: configuration.shards, threads: pool.threadCount, into: slopes, startingAtZero: true)
    optimizer = Optimizer(configuration.optimizer, layout)
  }

  /// The equation's own parameters within ``weights``.
  public var equationWeights: UnsafeMutablePointer<S> { weights.start + ownCount }

  /// Number of steps of the whole fit.
  public var stepCount: Int { configuration.epochs * stepsPerEpoch }

  /// Steps of one pass over the samples.
  public var stepsPerEpoch: Int {
    (objective.count + configuration.batch - 1) / configuration.batch
  }

  /// Norm of the gradient of all parameters in the last step, before clipping.
  public var gradientNorm: Double {
    Elementwise.sumOfSquares(gradient.start, count: gradient.count).squareRoot()
  }

  /// Where a fit stands between two steps: enough to go on to the same bits.
  public struct State: Sendable {
    /// Steps done.
    public var step: Int
    /// The parameters and their moments, laid out as ``MasterEquationFit/weights``.
    public var weights: [S], first: [S], second: [S]

    /// All of it.
    public init(step: Int, weights: [S], first: [S], second: [S]) {
      (self.step, self.weights, self.first, self.second) = (step, weights, first, second)
    }
  }

  /// Where the fit stands. It can be set to where another of the same settings stood, by ``restore(_:)``.
  public var state: State {
    State(
      step: optimizer.stepCount, weights: Array(weights.elements),
      first: Array(optimizer.first.elements),
      second: Array(optimizer.second.elements))
  }

  /// Goes back, or on, to a state; false, changing nothing, for one of another fit.
  public func restore(_ state: State) -> Bool {
    guard (0...stepCount).contains(state.step), state.weights.count == weights.count,
      state.first.count == optimizer.first.count, state.second.count == optimizer.second.count
    else { return false }
    weights.assign(state.weights)
    optimizer.first.assign(state.first)
    optimizer.second.assign(state.second)
    optimizer.stepCount = state.step
    return true
  }

  /// Runs what is left of the fit; `report` is called after each step. Stops early, returning false, when the loss is not
  /// finite: a diverged fit is an outcome, not a crash.
  public func run(_ report: (_ step: Int, _ loss: FitLoss) throws -> Void) rethrows -> Bool {
    let done = optimizer.stepCount
    let first = done / max(stepsPerEpoch, 1)
    var step = first * stepsPerEpoch
    for epoch in first..<max(first, configuration.epochs) {
      var random = Philox(seed: configuration.seed, purpose: .fitting, index: UInt64(epoch))
      let order = random.permutation(objective.count)
      for start in stride(from: 0, to: order.count, by: configuration.batch) {
        guard step >= done else {
          step += 1
          continue
        }
        let batch = Array(order[start..<min(start + configuration.batch, order.count)])
        let loss = evaluateGradient(batch, step: step)
        let norm = gradientNorm
        guard loss.total.isFinite, norm.isFinite else { return false }
        optimizer.step(
          weights.start, gradient: gradient.start, norm: norm,
          rate: configuration.optimizer.rate(step: step, total: stepCount))
        step += 1
        try report(step, loss)
      }
    }
    return true
  }

  /// Loss over the samples `batch`, and its gradient in ``gradient``; `step` decides what random numbers are drawn.
  public func evaluateGradient(_ batch: [Int], step: Int = 0) -> FitLoss {
    let shards = configuration.shards
    var losses = [FitLoss](repeating: FitLoss(), count: shards)
    coefficients.expand(equationWeights)
    losses.withUnsafeMutableBufferPointer { losses in
      for wave in 0..<sum.waveCount {
        let own = sum.shards(ofWave: wave)
        pool.forEach(own.count) { lane, worker in
          let (shard, partial) = (own.lowerBound + lane, sum.vector(wave: wave, lane))
          partial.clear()
          let low = batch.count * shard / shards
          let high = batch.count * (shard + 1) / shards
          guard high > low else { return }
          losses[shard] = objective.accumulate(
            FitShard(
              samples: batch[low..<high], total: batch.count, pass: passes[worker],
              worker: worker, weights: weights.start, coefficients: coefficients.values.start,
              weightGradients: partial.start,
              coefficientGradients: partial.start + ownCount,
              index: UInt64(step * shards + shard)))
        }
        sum.takeIn(wave: wave, pool)
      }
      sum.finish(pool)
    }
    gradient.clear()
    gradient.start.update(from: slopes.start, count: ownCount)
    coefficients.reduce(
      slopes.start + ownCount, equationWeights, to: gradient.start + ownCount)
    return losses.reduce(FitLoss(), +)
  }
}
