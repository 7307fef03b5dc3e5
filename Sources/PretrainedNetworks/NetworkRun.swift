import Arrays
import Checkpoints
import Kernels

/// One batch on its way through a network, in single precision.
///
/// Arrays that are wanted go to a sink as they come about; nothing of a layer is kept for the next but the residual stream.
final class NetworkRun {
  let network: PretrainedNetwork
  let plan: NetworkPlan
  let pool: WorkerPool
  let samples: Int
  let positions: Int
  /// Padding `[sample, position]` is false; nil when there is none.
  let mask: [Bool]?
  /// The residual stream `[sample, position, channel]`.
  let stream: Buffer<Float>
  private let normed: Buffer<Float>
  private let added: Buffer<Float>
  private let wanted: (String) -> Bool
  private let sink: any ArraySink

  /// Rows that one worker takes at once; fixed, so that no result depends on the number of threads.
  private static let block = 128

  var rows: Int { samples * positions }

  init(
    _ network: PretrainedNetwork, _ input: NetworkInput, _ pool: WorkerPool,
    wanted: @escaping (String) -> Bool, sink: any ArraySink
  ) throws {
    (self.network, plan, self.pool) = (network, network.plan, pool)
    (self.wanted, self.sink) = (wanted, sink)
    samples = input.samples
    positions = try input.positions(network.plan, network.file.path)
    if case .tokens(_, let mask, _) = input { self.mask = mask } else { mask = nil }
    stream = Buffer(samples * positions * network.plan.width)
    normed = Buffer(stream.count)
    added = Buffer(stream.count)
  }

  /// Runs the layers that are needed for what is wanted.
  func run(_ input: NetworkInput) throws {
    try embed(input)
    try emitStream("residual.0.pre", stream)
    let ends = [
      "final_norm.output", "logits", "pooled",
    ].contains(where: wanted)
    let last = (0..<plan.layerCount).last { ends || isWanted($0) }
    for l in 0..<(last ?? -1) + 1 { try layer(l) }
    if ends { try finish() }
  }

  private func isWanted(_ l: Int) -> Bool {
    ["residual.\(l).mid", "residual.\(l).post", "attention.\(l).map"].contains(where: wanted)
  }

  // MARK: - Layers

  private func layer(_ l: Int) throws {
    try StopRequest.check()
    let weights = try network.layer(l)
    if plan.isPreNorm { norm(stream, weights.attentionNorm, to: normed) }
    let attention = AttentionPass(self, weights)
    let map = try attention.run(
      l, plan.isPreNorm ? normed : stream, to: added, keepsMap: wanted("attention.\(l).map"))
    if let map {
      try emit(
        "attention.\(l).map",
        [
          Axis("sample", samples), Axis("head", plan.headCount), Axis("query", positions),
          Axis("key", positions),
        ], map)
    }
    scale(added, weights.attentionScale)
    if plan.isParallel {
      // Both read the state from before the layer.
      norm(stream, weights.mlpNorm, to: normed)
      accumulate(added)
      try emitStream("residual.\(l).mid", stream)
    } else {
      accumulate(added)
      if !plan.isPreNorm { norm(stream, weights.attentionNorm, to: stream) }
      try emitStream("residual.\(l).mid", stream)
      if plan.isPreNorm { norm(stream, weights.mlpNorm, to: normed) }
    }
    feedForward(weights, plan.isPreNorm ? normed : stream, to: added)
    scale(added, weights.mlpScale)
    accumulate(added)
    if !plan.isPreNorm { norm(stream, weights.mlpNorm, to: stream) }
    try emitStream("residual.\(l).post", stream)
  }

  private func feedForward(_ weights: LayerWeights, _ x: Buffer<Float>, to y: Buffer<Float>) {
    let count = rows * plan.mlpWidth
    let (up, hidden) = (Buffer<Float>(count), Buffer<Float>(count))
    linear(weights.up, x, to: up)
    if let gate = weights.gate {
      linear(gate, x, to: hidden)
      ActivationKernels.gate(plan.activation, hidden, up)
      linear(weights.down, up, to: y)
    } else {
      ActivationKernels.apply(plan.activation, up, to: hidden, rows: rows, width: plan.mlpWidth)
      linear(weights.down, hidden, to: y)
    }
  }

  // MARK: - Ends

  private func finish() throws {
    var last = stream
    if plan.hasFinalNorm {
      norm(stream, network.outer.norm("final_norm"), to: normed)
      last = normed
    }
    try emitStream("final_norm.output", last)
    try HeadPass(self).run(last)
  }

  // MARK: - Pieces

  /// `y = x · weightᵀ + bias` for `rows` rows, or the network's own.
  func linear(_ layer: LinearWeights, _ x: Buffer<Float>, to y: Buffer<Float>, rows: Int? = nil) {
    let (rows, outputs) = (rows ?? self.rows, layer.outputs)
    guard rows > 0, outputs > 0 else { return }
    let inputs = layer.weight.count / outputs
    pool.forEach((rows + Self.block - 1) / Self.block) { item, _ in
      let first = item * Self.block
      let count = min(Self.block, rows - first)
      Float.gemm(
        MatrixProduct(
          m: count, n: outputs, k: inputs, alpha: 1, a: x.start + first * inputs, lda: inputs,
          b: layer.weight.start, ldb: inputs, transposeB: true, beta: 0,
          c: y.start + first * outputs, ldc: outputs))
      if let bias = layer.bias {
        Elementwise<Float>.addBias(
          bias.start, to: y.start + first * outputs, rows: count, width: outputs)
      }
    }
  }

  /// Normalises every row of `width` channels; `y` may be `x`. Without weights nothing is changed.
  func norm(
    _ x: Buffer<Float>, _ weights: NormWeights?, to y: Buffer<Float>, rows: Int? = nil,
    width: Int? = nil
  ) {
    let (rows, width) = (rows ?? self.rows, width ?? plan.width)
    guard let weights else {
      if x !== y { y.start.update(from: x.start, count: rows * width) }
      return
    }
    let (mean, inverse) = (Buffer<Float>(rows), Buffer<Float>(rows))
    switch plan.norm {
    case .rootMeanSquare:
      Float.rmsNorm(
        x.start, gain: weights.gain.start, to: y.start, inverse: inverse.start, rows: rows,
        width: width, epsilon: plan.epsilon)
    case .layer:
      let none = weights.bias == nil ? Buffer<Float>(width) : nil
      Float.layerNorm(
        x.start, gain: weights.gain.start,
        bias: (weights.bias ?? none ?? weights.gain).start, to: y.start, mean: mean.start,
        inverse: inverse.start, rows: rows, width: width, epsilon: plan.epsilon)
    }
  }

  private func scale(_ x: Buffer<Float>, _ factors: Buffer<Float>?) {
    guard let factors else { return }
    for r in 0..<rows {
      let row = x.start + r * plan.width
      for c in 0..<plan.width { row[c] *= factors.start[c] }
    }
  }

  private func accumulate(_ x: Buffer<Float>) {
    Elementwise<Float>.add(x.start, to: stream.start, count: stream.count)
  }

  // MARK: - Results

  /// Whether an array is asked for.
  func isWanted(_ name: String) -> Bool { wanted(name) }

  /// Hands over an array that is asked for.
  func emit(_ name: String, _ axes: [Axis], _ values: Buffer<Float>) throws {
    guard wanted(name) else { return }
    try sink.receive(name, axes: axes, values: values.elements)
  }

  private func emitStream(_ name: String, _ values: Buffer<Float>) throws {
    try emit(
      name, [Axis("sample", samples), Axis("position", positions), Axis("channel", plan.width)],
      values)
  }
}

extension PretrainedNetwork {
  /// Runs a batch and hands the arrays that are wanted to `sink`, each once:
  ///
  /// - `residual.0.pre`: what enters the first layer `[sample, position, channel]`
  /// - `residual.{l}.mid`, `residual.{l}.post`: after attention, after the layer
  /// - `attention.{l}.map`: `[sample, head, query, key]`, 0 at keys that are masked
  /// - `final_norm.output`: the last state after the final norm, where there is one
  /// - `logits`: `[sample, position, token]`, or `[sample, class]`
  /// - `pooled`: `[sample, channel]`
  ///
  /// Layers behind the last array wanted are not run. Results do not depend on the number of threads.
  ///
  /// - Throws: ``CheckpointError`` for input that the network does not take, `Stopped`, and what the sink throws.
  public func run(
    _ input: NetworkInput, on pool: WorkerPool, to sink: any ArraySink,
    wanted: @escaping (String) -> Bool = { _ in true }
  ) throws {
    try NetworkRun(self, input, pool, wanted: wanted, sink: sink).run(input)
  }
}
