import Dynamics
import Foundation
import Kernels
import Transformer

/// One worker's memory for perturbing samples.
final class PerturbWorker: @unchecked Sendable {
  private let network: ModelConfiguration
  private let models: [FittedFields.Model]
  /// The samples as they are, and perturbed.
  private let own: NetworkPass<Float>, other: NetworkPass<Float>
  private let paths: [(own: TrajectoryPass<Float>, other: TrajectoryPass<Float>)]

  init(
    _ network: ModelConfiguration, _ layout: ParameterLayout, _ models: [FittedFields.Model],
    capacity: Int
  ) {
    (self.network, self.models) = (network, models)
    own = NetworkPass(network, layout, capacity: capacity)
    other = NetworkPass(network, layout, capacity: capacity)
    paths = models.map { model in
      (
        TrajectoryPass(
          model.equation, model.stepper, substeps: model.substeps, capacity: capacity),
        TrajectoryPass(
          model.equation, model.stepper, substeps: model.substeps, capacity: capacity)
      )
    }
  }

  private var stream: Int { network.positionCount * network.width }

  /// Perturbs `samples` of `source`, which are those from `first` on, and writes their response.
  func respond<Source: SampleSource<Float>>(
    _ condition: PerturbRun.Condition, _ samples: [Int], from source: Source,
    _ weights: Buffer<Float>, seed: UInt64, number: Int, first: Int, to response: PerturbResponse
  ) {
    let count = samples.count
    for (place, sample) in samples.enumerated() {
      source.write(sample, to: own.slot(place))
      source.write(sample, to: other.slot(place))
    }
    own.forward(weights.start, samples: count)
    for place in 0..<count {
      // A stream a condition and sample: the same for any number of threads.
      var random = Philox(
        seed: seed, purpose: .perturbation,
        index: PerturbationExplanation.index(condition: number, sample: first + place))
      if condition.kind != .noise { change(place, condition, &random) }
    }
    other.forward(weights.start, samples: count)
    if condition.kind == .noise {
      for place in 0..<count {
        var random = Philox(
          seed: seed, purpose: .perturbation,
          index: PerturbationExplanation.index(condition: number, sample: first + place))
        addNoise(place, condition.size, &random)
      }
      other.propagate(weights.start, samples: count)
    }
    for (trajectory, model) in ([nil] + models.map(Optional.some)).enumerated() {
      if let model {
        let path = paths[trajectory - 1]
        let shard = Shard(samples: count, lengths: own.sampleLengths)
        for (pass, start) in [(path.own, own), (path.other, other)] {
          pass.initial.update(from: start.residual(0), count: count * stream)
          pass.forward(model.coefficients.values.start, shard)
        }
      }
      for place in 0..<count { measure(trajectory, place, first + place, response) }
    }
    for place in 0..<count { compareOutputs(place, first + place, response) }
  }

  private func length(_ place: Int) -> Int {
    own.sampleLengths.map { Int($0[place]) } ?? network.positionCount
  }

  /// Normal noise on the embedded stream of one sample, `size` in units of its root mean square.
  private func addNoise(_ place: Int, _ size: Double, _ random: inout Philox) {
    let (u, count) = (other.residual(0) + place * stream, length(place) * network.width)
    let scale = size * (Elementwise.sumOfSquares(u, count: count) / Double(count)).squareRoot()
    for i in 0..<count { u[i] += Float(scale * random.normal()) }
  }

  /// Blanks a share of the positions' inputs, or lets them change places; at least one, or two.
  private func change(_ place: Int, _ condition: PerturbRun.Condition, _ random: inout Philox) {
    let slot = other.slot(place)
    let positions = length(place) - network.classTokenCount
    let order = random.permutation(positions)
    let wanted = Int((condition.size * Double(positions)).rounded())
    var width = 0
    if case .patches(let pixels) = network.input { width = pixels }
    if condition.kind == .mask {
      for position in order.prefix(max(1, min(wanted, positions))) {
        if width > 0 {
          (slot.input + position * width).update(repeating: 0, count: width)
        } else {
          slot.tokens[position] = 0
        }
      }
      return
    }
    let pairs = max(1, min(wanted, positions) / 2)
    for pair in 0..<min(pairs, positions / 2) {
      let (a, b) = (order[2 * pair], order[2 * pair + 1])
      if width > 0 {
        for i in 0..<width {
          let kept = slot.input[a * width + i]
          slot.input[a * width + i] = slot.input[b * width + i]
          slot.input[b * width + i] = kept
        }
      } else {
        let kept = slot.tokens[a]
        slot.tokens[a] = slot.tokens[b]
        slot.tokens[b] = kept
      }
    }
  }

  private func states(
    _ trajectory: Int, _ depth: Int
  ) -> (own: UnsafePointer<Float>, other: UnsafePointer<Float>) {
    if trajectory == 0 {
      return (UnsafePointer(own.residual(depth)), UnsafePointer(other.residual(depth)))
    }
    let path = paths[trajectory - 1]
    return (UnsafePointer(path.own.state(depth)), UnsafePointer(path.other.state(depth)))
  }

  /// Growth of the change, and change of attention, of one sample.
  private func measure(
    _ trajectory: Int, _ place: Int, _ sample: Int, _ response: PerturbResponse
  ) {
    let (layers, count) = (network.layerCount, length(place) * network.width)
    var first = 0.0
    for depth in 0...layers {
      let (a, b) = states(trajectory, depth)
      var square = 0.0
      for i in place * stream..<place * stream + count {
        let difference = Double(b[i]) - Double(a[i])
        square += difference * difference
      }
      if depth == 0 { first = square.squareRoot() }
      response.growth.start[(trajectory * (layers + 1) + depth) * response.samples + sample] =
        square.squareRoot() / first
    }
    let hasMaps = trajectory == 0 || models[trajectory - 1].equation.model.hasAttention
    let (n, heads) = (network.positionCount, network.headCount)
    for layer in 0..<layers {
      var sum = 0.0
      if hasMaps {
        let a =
          trajectory == 0 ? own.attentionMap(layer) : paths[trajectory - 1].own.attentionMap(layer)
        let b =
          trajectory == 0
          ? other.attentionMap(layer) : paths[trajectory - 1].other.attentionMap(layer)
        for head in 0..<heads {
          let start = (place * heads + head) * n * n
          for i in start..<start + length(place) * n { sum += Double(abs(b[i] - a[i])) }
        }
      }
      response.attention.start[(trajectory * layers + layer) * response.samples + sample] =
        hasMaps ? sum / 2 / Double(heads * length(place)) : .nan
    }
  }

  /// Divergence of the network's outputs, and whether its answer changes; means over a text's positions.
  private func compareOutputs(_ place: Int, _ sample: Int, _ response: PerturbResponse) {
    let (classes, targets) = (network.classCount, network.targetCount)
    let rows = targets == 1 ? 1 : length(place)
    var (divergence, flips) = (0.0, 0.0)
    for row in 0..<rows {
      let start = (place * targets + row) * classes
      let (a, b) = (own.logits + start, other.logits + start)
      func logPartition(_ z: UnsafePointer<Float>) -> Double {
        let top = (0..<classes).reduce(-Double.infinity) { max($0, Double(z[$1])) }
        return top + log((0..<classes).reduce(0) { $0 + exp(Double(z[$1]) - top) })
      }
      let (p, q) = (logPartition(a), logPartition(b))
      for c in 0..<classes {
        let share = exp(Double(a[c]) - p)
        divergence += share * ((Double(a[c]) - p) - (Double(b[c]) - q))
      }
      func best(_ z: UnsafePointer<Float>) -> Int { (0..<classes).max { z[$0] < z[$1] } ?? 0 }
      if best(a) != best(b) { flips += 1 }
    }
    response.divergence.start[sample] = divergence / Double(rows)
    response.flipped.start[sample] = flips / Double(rows)
  }
}
