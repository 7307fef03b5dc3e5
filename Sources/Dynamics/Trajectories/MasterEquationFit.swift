import Kernels
import Transformer

/// How an equation is fitted.
public struct FitConfiguration: Sendable {
  /// How it is integrated, and steps between two layers.
  public var stepper: FitStepper, substeps: Int
  /// Passes over the fit samples, samples a step.
  public var epochs: Int, batch: Int
  /// AdamW's settings.
  public var optimizer: OptimizerConfiguration
  /// Weight of the maps' divergence (mean over rows) beside the state error (mean over depths, each divided by the
  /// mean square of the network's stream there).
  public var attentionWeight: Double
  /// Seed of initial weights and order.
  public var seed: UInt64

  /// All settings.
  public init(
    stepper: FitStepper, substeps: Int = 1, epochs: Int, batch: Int,
    optimizer: OptimizerConfiguration, attentionWeight: Double, seed: UInt64
  ) {
    (self.stepper, self.substeps) = (stepper, substeps)
    (self.epochs, self.batch, self.optimizer) = (epochs, batch, optimizer)
    (self.attentionWeight, self.seed) = (attentionWeight, seed)
  }
}

/// Fits a master equation to a network's trajectories: shards on a worker pool, gradients added in a fixed order.
public final class MasterEquationFit<S: KernelScalar>: @unchecked Sendable {
  /// The equation.
  public let equation: MasterEquation
  /// Its parameters.
  public let weights: Buffer<S>
  /// Settings.
  public let configuration: FitConfiguration
  /// Gradient of the last step.
  public let gradient: Buffer<S>
  private let trajectories: any TrajectorySource<S>
  private let pool: WorkerPool
  private let passes: [TrajectoryPass<S>]
  private let partial: [Buffer<S>]
  private let coefficients: Coefficients<S>
  private let slopes: Buffer<S>
  private let optimizer: Optimizer<S>
  private let stateWeights: [Double]
  private let rowsPerSample: Double
  private let shards = MasterEquationFit.shardCount

  /// A fit of `equation` to `trajectories`, with initial parameters drawn from the seed.
  public init(
    _ equation: MasterEquation, to trajectories: any TrajectorySource<S>,
    _ configuration: FitConfiguration, pool: WorkerPool
  ) {
    (self.equation, self.configuration, self.pool) = (equation, configuration, pool)
    self.trajectories = trajectories
    weights = Buffer(equation.parameterCount)
    let initial = equation.layout.initialValues(seed: configuration.seed, purpose: .dynamics)
    weights.assign(initial.map { S($0) })
    gradient = Buffer(equation.parameterCount)
    let capacity = Self.capacity(batch: configuration.batch)
    passes = (0..<pool.threadCount).map { _ in
      TrajectoryPass(
        equation, configuration.stepper, substeps: configuration.substeps, capacity: capacity)
    }
    let coefficients = Coefficients<S>(equation)
    self.coefficients = coefficients
    partial = (0..<shards).map { _ in Buffer(coefficients.values.count) }
    slopes = Buffer(coefficients.values.count)
    optimizer = Optimizer(configuration.optimizer, equation.layout)
    let means = Self.means(trajectories, equation.network, capacity, pool)
    stateWeights = means.squares.map {
      1 / (max($0, 1e-30) * Double(equation.network.layerCount))
    }
    rowsPerSample =
      means.length * Double(equation.network.layerCount * equation.network.headCount)
  }

  private static var shardCount: Int { 8 }

  /// Samples of the largest shard of a batch: what a source of trajectories must have room for.
  public static func capacity(batch: Int) -> Int { (batch + shardCount - 1) / shardCount }

  /// Means over the samples: Σ u² of the network's stream after each layer, and positions; padding left out.
  private static func means(
    _ trajectories: any TrajectorySource<S>, _ network: ModelConfiguration, _ capacity: Int,
    _ pool: WorkerPool
  ) -> (squares: [Double], length: Double) {
    let parts = (trajectories.count + capacity - 1) / capacity
    let layers = network.layerCount
    // Per part: a sum for each layer, then the positions.
    var sums = [[Double]](repeating: [], count: parts)
    let all = Array(0..<trajectories.count)
    sums.withUnsafeMutableBufferPointer { sums in
      pool.forEach(parts) { part, worker in
        let samples = all[part * capacity..<min((part + 1) * capacity, all.count)]
        let view = trajectories.load(samples, worker: worker)
        var row = [Double](repeating: 0, count: layers + 1)
        for sample in 0..<samples.count {
          let length = view.shard.length(sample) ?? network.positionCount
          row[layers] += Double(length)
          for layer in 0..<layers {
            row[layer] += Elementwise.sumOfSquares(
              view.residuals[layer + 1] + sample * network.positionCount * network.width,
              count: length * network.width)
          }
        }
        sums[part] = row
      }
    }
    let totals = (0...layers).map { place in
      sums.reduce(0) { $0 + $1[place] } / Double(max(all.count, 1))
    }
    return (Array(totals.prefix(layers)), totals[layers])
  }

  /// Loss of a step: state and map part, each a mean over samples.
  public struct Loss: Sendable {
    /// Normalised state error.
    public var state: Double
    /// Weighted divergence of the maps, mean over rows.
    public var map: Double
    /// What is minimised.
    public var total: Double { state + map }
  }

  /// Number of steps of the whole fit.
  public var stepCount: Int {
    configuration.epochs * ((trajectories.count + configuration.batch - 1) / configuration.batch)
  }

  /// Runs the whole fit; `report` is called after each step. Stops early, returning false, when the loss is not
  /// finite: a diverged fit is an outcome, not a crash.
  public func run(_ report: (_ step: Int, _ loss: Loss) throws -> Void) rethrows -> Bool {
    var step = 0
    for epoch in 0..<configuration.epochs {
      var random = Philox(seed: configuration.seed, purpose: .fitting, index: UInt64(epoch))
      let order = random.permutation(trajectories.count)
      for start in stride(from: 0, to: order.count, by: configuration.batch) {
        let batch = Array(order[start..<min(start + configuration.batch, order.count)])
        let loss = evaluateGradient(batch)
        let norm = Elementwise.sumOfSquares(gradient.start, count: gradient.count).squareRoot()
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

  /// Loss over the samples `batch`, and its gradient in ``gradient``.
  public func evaluateGradient(_ batch: [Int]) -> Loss {
    var losses = [(state: Double, map: Double)](repeating: (0, 0), count: shards)
    coefficients.expand(weights)
    losses.withUnsafeMutableBufferPointer { losses in
      pool.forEach(shards) { shard, worker in
        partial[shard].clear()
        let low = batch.count * shard / shards
        let high = batch.count * (shard + 1) / shards
        guard high > low else { return }
        losses[shard] = accumulate(Array(batch[low..<high]), batch.count, shard, worker)
      }
    }
    slopes.clear()
    for part in partial { Elementwise.add(part.start, to: slopes.start, count: slopes.count) }
    gradient.clear()
    coefficients.reduce(slopes, weights, to: gradient)
    return Loss(
      state: losses.reduce(0) { $0 + $1.state }, map: losses.reduce(0) { $0 + $1.map })
  }

  private func accumulate(
    _ samples: [Int], _ total: Int, _ shard: Int, _ worker: Int
  ) -> (state: Double, map: Double) {
    let pass = passes[worker]
    let view = trajectories.load(samples[...], worker: worker)
    let rows = Double(total) * rowsPerSample
    let loss = TrajectoryLoss<S>(
      stateWeights: stateWeights.map { S($0 / Double(total)) },
      mapWeight: S(configuration.attentionWeight / rows), target: view)
    pass.initial.update(
      from: view.residuals[0], count: equation.shape(samples: samples.count).stream)
    pass.forward(coefficients.values.start, view.shard)
    let value = loss.value(pass)
    loss.backward(pass, coefficients.values.start, gradients: partial[shard].start)
    return value
  }
}
