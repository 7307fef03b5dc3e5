import Kernels
import Transformer

/// How far an integrated trajectory is from a network's: weighted squared state errors after each layer, and weighted
/// KL(network row ‖ PDE row) of the attention maps. Padding counts nothing.
struct TrajectoryLoss<S: KernelScalar> {
  /// Factor of the squared error after each layer.
  let stateWeights: [S]
  /// Factor of the summed row-wise divergence.
  let mapWeight: S
  /// What it is compared with.
  let target: TrajectoryView<S>

  /// Loss of the last forward pass of `pass`.
  func value(_ pass: TrajectoryPass<S>) -> (state: Double, map: Double) {
    let (network, shard) = (pass.equation.network, target.shard)
    let (positions, width) = (network.positionCount, network.width)
    var (stateLoss, mapLoss) = (0.0, 0.0)
    for layer in 0..<network.layerCount {
      var sum = 0.0
      for sample in 0..<shard.samples {
        let place = sample * positions * width
        sum += Self.squaredDistance(
          pass.state(layer + 1) + place, target.residuals[layer + 1] + place,
          (shard.length(sample) ?? positions) * width)
      }
      stateLoss += Double(stateWeights[layer]) * sum
      guard pass.equation.model.hasAttention else { continue }
      for sample in 0..<shard.samples {
        let rows = (shard.length(sample) ?? positions) * positions
        for head in sample * network.headCount..<(sample + 1) * network.headCount {
          let place = head * positions * positions
          mapLoss +=
            Double(mapWeight)
            * Self.divergence(target.maps[layer] + place, pass.attentionMap(layer) + place, rows)
        }
      }
    }
    return (stateLoss, mapLoss)
  }

  /// Adds the gradient of ``value(_:)`` by the coefficients to `gradients`.
  func backward(
    _ pass: TrajectoryPass<S>, _ coefficients: UnsafeMutablePointer<S>,
    gradients: UnsafeMutablePointer<S>
  ) {
    let (network, shard) = (pass.equation.network, target.shard)
    let (positions, width) = (network.positionCount, network.width)
    let hasMaps = pass.equation.model.hasAttention && mapWeight != 0
    pass.backward(
      coefficients, gradients: gradients, shard,
      attraction: { layer in
        hasMaps ? .init(target: target.maps[layer], weight: mapWeight) : nil
      },
      arrive: { layer, gradient in
        let factor = 2 * stateWeights[layer]
        for sample in 0..<shard.samples {
          let place = sample * positions * width
          let count = (shard.length(sample) ?? positions) * width
          Elementwise.add(
            pass.state(layer + 1) + place, to: gradient + place, count: count, factor: factor)
          Elementwise.add(
            target.residuals[layer + 1] + place, to: gradient + place, count: count,
            factor: -factor)
        }
      })
  }

  @specialized(where S == Float)
  private static func squaredDistance(
    _ u: UnsafePointer<S>, _ v: UnsafePointer<S>, _ count: Int
  ) -> Double {
    var sum = 0.0
    for i in 0..<count {
      let difference = Double(u[i] - v[i])
      sum += difference * difference
    }
    return sum
  }

  /// Σ p ln(p/q); entries of p that are 0 count nothing.
  @specialized(where S == Float)
  private static func divergence(
    _ p: UnsafePointer<S>, _ q: UnsafePointer<S>, _ count: Int
  ) -> Double {
    var sum = 0.0
    for i in 0..<count where p[i] > 0 {
      sum += Double(p[i] * S.logarithm(p[i] / max(q[i], S.leastNormalMagnitude)))
    }
    return sum
  }
}
