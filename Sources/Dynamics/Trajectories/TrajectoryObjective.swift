import Kernels
import Transformer

/// A network's trajectories: state errors after each layer, each divided by the mean square of the network's stream there and
/// averaged over depths, plus the weighted divergence of the attention maps, averaged over rows. Padding counts nothing.
public final class TrajectoryObjective<S: KernelScalar>: FitObjective, @unchecked Sendable {
  private let trajectories: any TrajectorySource<S>
  private let stateWeights: [Double]
  private let rowsPerSample: Double
  private let attentionWeight: Double

  /// The trajectories of `network`, with `attentionWeight` times the divergence of its maps; they have room for `capacity`
  /// samples.
  public init(
    _ trajectories: any TrajectorySource<S>, network: ModelConfiguration, attentionWeight: Double,
    capacity: Int, pool: WorkerPool
  ) {
    (self.trajectories, self.attentionWeight) = (trajectories, attentionWeight)
    let means = Self.means(trajectories, network, capacity, pool)
    stateWeights = means.squares.map { 1 / (max($0, 1e-30) * Double(network.layerCount)) }
    rowsPerSample = means.length * Double(network.layerCount * network.headCount)
  }

  /// Number of samples.
  public var count: Int { trajectories.count }
  /// None.
  public var layout: ParameterLayout { ParameterLayout() }

  /// Integrates the shard's samples from the network's own first states.
  public func accumulate(_ shard: FitShard<S>) -> FitLoss {
    let pass = shard.pass
    let view = trajectories.load(shard.samples, worker: shard.worker)
    let total = Double(shard.total)
    let loss = TrajectoryLoss<S>(
      stateWeights: stateWeights.map { S($0 / total) },
      mapWeight: S(attentionWeight / (total * rowsPerSample)), target: view)
    pass.initial.update(
      from: view.residuals[0], count: pass.equation.shape(samples: shard.samples.count).stream)
    pass.forward(shard.coefficients, view.shard)
    let value = loss.value(pass)
    loss.backward(pass, shard.coefficients, gradients: shard.coefficientGradients)
    return FitLoss(state: value.state, map: value.map)
  }

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
}
