import Kernels
import Transformer

/// The network's trajectories that an equation is fitted to or judged on, gathered once.
public struct Trajectories<S: KernelScalar>: Sendable {
  /// Number of samples.
  public let count: Int
  /// Residual stream at each depth, `[sample, position, channel]`; `layerCount + 1` of them.
  public let residuals: [Buffer<S>]
  /// Attention map of each layer, `[sample, head, query, key]`.
  public let maps: [Buffer<S>]

  /// Trajectories of `count` samples.
  public init(count: Int, residuals: [Buffer<S>], maps: [Buffer<S>]) {
    (self.count, self.residuals, self.maps) = (count, residuals, maps)
  }
}

/// How an equation is fitted.
public struct FitConfiguration: Sendable {
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
    epochs: Int, batch: Int, optimizer: OptimizerConfiguration, attentionWeight: Double,
    seed: UInt64
  ) {
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
  private let trajectories: Trajectories<S>
  private let pool: WorkerPool
  private let passes: [TrajectoryPass<S>]
  private let partial: [Buffer<S>]
  private let coefficients: Coefficients<S>
  private let slopes: Buffer<S>
  private let optimizer: Optimizer<S>
  private let stateWeights: [Double]
  private let shards = 8

  /// A fit of `equation` to `trajectories`, with initial parameters drawn from the seed.
  public init(
    _ equation: MasterEquation, _ tableau: ButcherTableau, substeps: Int,
    to trajectories: Trajectories<S>, _ configuration: FitConfiguration, pool: WorkerPool
  ) {
    (self.equation, self.configuration, self.pool) = (equation, configuration, pool)
    self.trajectories = trajectories
    weights = Buffer(equation.parameterCount)
    let initial = equation.layout.initialValues(seed: configuration.seed, purpose: .dynamics)
    weights.assign(initial.map { S($0) })
    gradient = Buffer(equation.parameterCount)
    let capacity = (configuration.batch + shards - 1) / shards
    passes = (0..<pool.threadCount).map { _ in
      TrajectoryPass(equation, tableau, substeps: substeps, capacity: capacity)
    }
    let coefficients = Coefficients<S>(equation)
    self.coefficients = coefficients
    partial = (0..<shards).map { _ in Buffer(coefficients.values.count) }
    slopes = Buffer(coefficients.values.count)
    optimizer = Optimizer(configuration.optimizer, equation.layout)
    stateWeights = trajectories.residuals.dropFirst().map { residual in
      let square = Elementwise.sumOfSquares(residual.start, count: residual.count)
      let scale = square / Double(trajectories.count)
      return 1 / (max(scale, 1e-30) * Double(equation.network.layerCount))
    }
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
    let network = equation.network
    let stream = network.positionCount * network.width
    let map = network.headCount * network.positionCount * network.positionCount
    func gather(_ buffer: Buffer<S>, _ size: Int, to target: UnsafeMutablePointer<S>) {
      for (place, sample) in samples.enumerated() {
        (target + place * size).update(from: buffer.start + sample * size, count: size)
      }
    }
    let usesMaps = equation.model.hasAttention
    let layers = network.layerCount
    let memory = Buffer<S>(samples.count * (layers * stream + (usesMaps ? layers * map : 0)))
    var arena = memory.start
    var residuals: [UnsafePointer<S>] = []
    var maps: [UnsafePointer<S>] = []
    for layer in 0..<layers {
      gather(trajectories.residuals[layer + 1], stream, to: arena)
      residuals.append(UnsafePointer(arena))
      arena += samples.count * stream
      guard usesMaps else { continue }
      gather(trajectories.maps[layer], map, to: arena)
      maps.append(UnsafePointer(arena))
      arena += samples.count * map
    }
    gather(trajectories.residuals[0], stream, to: pass.initial)
    let rows = Double(total * layers * network.headCount * network.positionCount)
    let target = TrajectoryPass<S>.Target(
      residuals: residuals, stateWeights: stateWeights.map { S($0 / Double(total)) }, maps: maps,
      mapWeight: S(configuration.attentionWeight / rows))
    let values = coefficients.values.start
    pass.forward(values, samples: samples.count)
    let loss = pass.loss(target, samples: samples.count)
    pass.backward(target, values, gradients: partial[shard].start, samples: samples.count)
    return loss
  }
}
