import Kernels

/// A linear layer, `[out, in]` and perhaps a bias.
struct LinearWeights: Sendable {
  let weight: Buffer<Float>
  let bias: Buffer<Float>?
  let outputs: Int

  init(_ weight: Buffer<Float>, bias: Buffer<Float>?, outputs: Int) {
    (self.weight, self.bias, self.outputs) = (weight, bias, outputs)
  }

  init(_ store: WeightStore, _ name: String, _ outputs: Int) throws {
    weight = try store.read(name + ".weight")
    bias = store.contains(name + ".bias") ? try store.read(name + ".bias") : nil
    self.outputs = outputs
  }
}

/// Gain and perhaps bias of a norm.
struct NormWeights: Sendable {
  let gain: Buffer<Float>
  let bias: Buffer<Float>?

  /// From arrays that are there.
  init(gain: Buffer<Float>, bias: Buffer<Float>?) { (self.gain, self.bias) = (gain, bias) }

  /// Nil when the network has no such norm.
  init?(_ store: WeightStore, _ name: String) throws {
    guard store.contains(name + ".gain") else { return nil }
    gain = try store.read(name + ".gain")
    bias = store.contains(name + ".bias") ? try store.read(name + ".bias") : nil
  }
}

/// Weights of one layer.
struct LayerWeights: Sendable {
  let query: LinearWeights
  let key: LinearWeights
  let value: LinearWeights
  let output: LinearWeights
  let queryNorm: NormWeights?
  let keyNorm: NormWeights?
  let attentionNorm: NormWeights?
  let attentionScale: Buffer<Float>?
  let gate: LinearWeights?
  let up: LinearWeights
  let down: LinearWeights
  let mlpNorm: NormWeights?
  let mlpScale: Buffer<Float>?

  init(_ store: WeightStore, _ l: Int, _ plan: NetworkPlan) throws {
    let (attention, mlp) = ("layer.\(l).attention.", "layer.\(l).mlp.")
    let keys = plan.keyValueHeadCount * plan.headWidth
    query = try LinearWeights(store, attention + "query", plan.headCount * plan.headWidth)
    key = try LinearWeights(store, attention + "key", keys)
    value = try LinearWeights(store, attention + "value", keys)
    output = try LinearWeights(store, attention + "output", plan.width)
    queryNorm = try NormWeights(store, attention + "query_norm")
    keyNorm = try NormWeights(store, attention + "key_norm")
    attentionNorm = try NormWeights(store, attention + "norm")
    attentionScale =
      store.contains(attention + "scale") ? try store.read(attention + "scale") : nil
    gate = plan.isGated ? try LinearWeights(store, mlp + "gate", plan.mlpWidth) : nil
    up = try LinearWeights(store, mlp + "up", plan.mlpWidth)
    down = try LinearWeights(store, mlp + "down", plan.width)
    mlpNorm = try NormWeights(store, mlp + "norm")
    mlpScale = store.contains(mlp + "scale") ? try store.read(mlp + "scale") : nil
  }
}

/// Weights outside the layers, by our names.
struct OuterWeights: Sendable {
  private let arrays: [String: Buffer<Float>]

  init(_ store: WeightStore) throws {
    var arrays: [String: Buffer<Float>] = [:]
    for name in store.outerNames { arrays[name] = try store.read(name) }
    self.arrays = arrays
  }

  /// An array; nil when the network has none of that name.
  subscript(name: String) -> Buffer<Float>? { arrays[name] }

  /// A norm; nil when the network has none of that name.
  func norm(_ name: String) -> NormWeights? {
    arrays[name + ".gain"].map { NormWeights(gain: $0, bias: arrays[name + ".bias"]) }
  }

  /// A linear layer of `outputs` outputs; nil when the network has none of that name.
  func linear(_ name: String, _ outputs: Int) -> LinearWeights? {
    arrays[name + ".weight"].map {
      LinearWeights($0, bias: arrays[name + ".bias"], outputs: outputs)
    }
  }
}
