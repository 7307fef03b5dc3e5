import Arrays
import Kernels

/// One shard's way through the encoder and back, in memory allocated once.
///
/// Pre-norm (Xiong et al. 2020): u ← u + Attention(LN u); u ← u + MLP(LN u); logits = W mean(LN u) + b.
/// Not to be used by two threads at a time.
public final class EncoderPass<S: KernelScalar>: @unchecked Sendable {
  private struct Layer {
    let norm1: LayerNorm<S>.Tape
    let attention: SelfAttention<S>.Tape
    let mid: UnsafeMutablePointer<S>
    let norm2: LayerNorm<S>.Tape
    let mlp: FeedForward<S>.Tape
  }

  /// The encoder's sizes.
  public let model: ModelConfiguration
  /// Where the parameters lie.
  public let layout: ParameterLayout
  /// Samples there is room for.
  public let capacity: Int
  private let memory: Buffer<S>
  /// Input `[sample, position, inputWidth]`; the caller fills it before ``forward(_:samples:)``.
  public let input: UnsafeMutablePointer<S>
  private let residual: [UnsafeMutablePointer<S>]
  private let layers: [Layer]
  private let finalNorm: LayerNorm<S>.Tape
  private let pooled: UnsafeMutablePointer<S>
  /// Logits `[sample, class]` of the last forward pass.
  public let logits: UnsafeMutablePointer<S>
  private let dLogits: UnsafeMutablePointer<S>
  private let dStream: UnsafeMutablePointer<S>
  private let dNormed: UnsafeMutablePointer<S>
  private let dHidden: UnsafeMutablePointer<S>
  private let scratch: SelfAttention<S>.Scratch
  private let channel: GaussianChannel<S>?
  /// Whether the last forward pass went through the noise of the bottleneck.
  private var isNoisy = false
  /// Sum over the samples of the last noisy pass of the bound on I(X;Z), in nats.
  public private(set) var informationBound = 0.0
  private var lossFactor: S = 0

  /// Bytes of activations one pass takes.
  public var byteCount: Int { memory.count * MemoryLayout<S>.stride }

  /// A pass with room for `capacity` samples.
  public init(_ model: ModelConfiguration, _ layout: ParameterLayout, capacity: Int) {
    self.model = model
    self.layout = layout
    self.capacity = capacity
    let shape = Self.shape(model, capacity)
    var measure = Arena<S>(Buffer<S>(1).start)
    _ = Self.cut(&measure, model, shape)
    memory = Buffer(measure.used)
    var arena = Arena<S>(memory.start)
    let pieces = Self.cut(&arena, model, shape)
    (input, residual, layers, finalNorm) = (
      pieces.input, pieces.residual, pieces.layers, pieces.norm
    )
    (pooled, logits, dLogits) = (pieces.small[0], pieces.small[1], pieces.small[2])
    (dStream, dNormed, dHidden) = (pieces.back[0], pieces.back[1], pieces.back[2])
    scratch = pieces.scratch
    channel = pieces.channel
  }

  private typealias Pieces = (
    input: UnsafeMutablePointer<S>, residual: [UnsafeMutablePointer<S>], layers: [Layer],
    norm: LayerNorm<S>.Tape, small: [UnsafeMutablePointer<S>], back: [UnsafeMutablePointer<S>],
    scratch: SelfAttention<S>.Scratch, channel: GaussianChannel<S>?
  )

  private static func cut(
    _ arena: inout Arena<S>, _ model: ModelConfiguration, _ shape: BatchShape
  ) -> Pieces {
    let input = arena.take(shape.rows * model.inputWidth)
    let residual = (0...model.layerCount).map { _ in arena.take(shape.stream) }
    let layers = (0..<model.layerCount).map { _ in
      Layer(
        norm1: .init(&arena, shape), attention: .init(&arena, shape),
        mid: arena.take(shape.stream), norm2: .init(&arena, shape), mlp: .init(&arena, shape))
    }
    let norm = LayerNorm<S>.Tape(&arena, shape)
    let classes = shape.samples * model.classCount
    let small = [arena.take(shape.samples * shape.width), arena.take(classes), arena.take(classes)]
    let back = [
      arena.take(shape.stream), arena.take(shape.stream), arena.take(shape.rows * shape.hidden),
    ]
    return (
      input, residual, layers, norm, small, back, .init(&arena, shape),
      model.bottleneck == nil ? nil : GaussianChannel(&arena, shape)
    )
  }

  private static func shape(_ model: ModelConfiguration, _ samples: Int) -> BatchShape {
    BatchShape(
      samples: samples, positions: model.positionCount, width: model.width,
      heads: model.headCount, hidden: model.mlpWidth)
  }

  // MARK: - What can be looked at after a forward pass

  /// The residual stream `[sample, position, channel]` before layer `layer`; `layerCount` is after the last.
  public func residual(_ layer: Int) -> UnsafeMutablePointer<S> { residual[layer] }
  /// The residual stream between attention and MLP of a layer.
  public func residualMid(_ layer: Int) -> UnsafeMutablePointer<S> { layers[layer].mid }
  /// The attention map `[sample, head, query, key]` of a layer.
  public func attentionMap(_ layer: Int) -> UnsafeMutablePointer<S> { layers[layer].attention.map }

  // MARK: - Forward

  /// Runs `samples` samples from ``input`` to ``logits``. `weights` is a vector laid out by ``layout``. With `noise`, a
  /// bottleneck adds noise of that stream; without, it does nothing.
  @specialized(where S == Float)
  public func forward(
    _ weights: UnsafeMutablePointer<S>, samples: Int, noise: Philox? = nil
  ) {
    isNoisy = noise != nil && channel != nil
    informationBound = 0
    if var noise, let channel {
      channel.draw(&noise, count: samples * model.positionCount * model.width)
    }
    precondition(samples <= capacity, "more samples than the pass has room for")
    let shape = Self.shape(model, samples)
    let (d, n) = (model.width, model.positionCount)
    let epsilon = S(model.epsilon)
    let positions = weights + layout.offset("position_embedding.weight")
    for sample in 0..<samples {
      (residual[0] + sample * n * d).update(from: positions, count: n * d)
    }
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: d, k: model.inputWidth, alpha: 1, a: input, lda: model.inputWidth,
        b: weights + layout.offset("embed.weight"), ldb: model.inputWidth, transposeB: true,
        beta: 1, c: residual[0], ldc: d))
    Elementwise.addBias(
      weights + layout.offset("embed.bias"), to: residual[0], rows: shape.rows, width: d)
    for (l, layer) in layers.enumerated() {
      let name = "blocks.\(l)."
      LayerNorm.forward(
        residual[l], .init(weights, layout, name + "norm1"), layer.norm1, shape, epsilon: epsilon)
      layer.mid.update(from: residual[l], count: shape.stream)
      SelfAttention.forward(
        layer.norm1.output, .init(weights, layout, name + "attention."), layer.attention, shape,
        addTo: layer.mid)
      LayerNorm.forward(
        layer.mid, .init(weights, layout, name + "norm2"), layer.norm2, shape, epsilon: epsilon)
      residual[l + 1].update(from: layer.mid, count: shape.stream)
      FeedForward.forward(
        layer.norm2.output, .init(weights, layout, name + "mlp."), layer.mlp, shape,
        addTo: residual[l + 1])
      if isNoisy, let channel, l == model.bottleneck?.layer {
        informationBound = channel.forward(
          weights + layout.offset("bottleneck.log_sigma"), residual[l + 1], rows: shape.rows,
          width: d)
      }
    }
    classify(weights, shape)
  }

  @specialized(where S == Float)
  private func classify(_ weights: UnsafeMutablePointer<S>, _ shape: BatchShape) {
    let (d, n, c) = (model.width, model.positionCount, model.classCount)
    LayerNorm.forward(
      residual[model.layerCount], .init(weights, layout, "final_norm"), finalNorm, shape,
      epsilon: S(model.epsilon))
    pooled.update(repeating: 0, count: shape.samples * d)
    for sample in 0..<shape.samples {
      Elementwise.addColumnSums(
        finalNorm.output + sample * n * d, to: pooled + sample * d, rows: n, width: d,
        factor: 1 / S(n))
    }
    S.gemm(
      MatrixProduct(
        m: shape.samples, n: c, k: d, alpha: 1, a: pooled, lda: d,
        b: weights + layout.offset("classifier.weight"), ldb: d, transposeB: true, beta: 0,
        c: logits, ldc: c))
    Elementwise.addBias(
      weights + layout.offset("classifier.bias"), to: logits, rows: shape.samples, width: c)
  }

  /// Cross entropy in nats, summed over the samples of the last forward pass, and the number classified rightly.
  ///
  /// Leaves the gradient of `factor` · loss at the logits for ``backward(_:gradients:samples:)``.
  @specialized(where S == Float)
  public func loss(labels: UnsafePointer<Int32>, samples: Int, factor: S) -> (
    loss: Double, correct: Int
  ) {
    let c = model.classCount
    lossFactor = factor
    var (total, correct) = (0.0, 0)
    for sample in 0..<samples {
      let row = logits + sample * c
      let gradient = dLogits + sample * c
      var top = 0
      for k in 1..<max(c, 1) where row[k] > row[top] { top = k }
      var sum: S = 0
      for k in 0..<c {
        gradient[k] = S.exponential(row[k] - row[top])
        sum += gradient[k]
      }
      let label = Int(labels[sample])
      total += Double(S.logarithm(sum) + row[top] - row[label])
      if top == label { correct += 1 }
      for k in 0..<c { gradient[k] = factor * (gradient[k] / sum - (k == label ? 1 : 0)) }
    }
    return (total, correct)
  }

  // MARK: - Backward

  /// Adds the gradient of the loss to `gradients`, a vector laid out as the weights.
  @specialized(where S == Float)
  public func backward(
    _ weights: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>, samples: Int
  ) {
    let shape = Self.shape(model, samples)
    declassify(weights, gradients, shape)
    for l in stride(from: model.layerCount - 1, through: 0, by: -1) {
      let (layer, name) = (layers[l], "blocks.\(l).")
      if isNoisy, let channel, let bottleneck = model.bottleneck, l == bottleneck.layer {
        let place = layout.offset("bottleneck.log_sigma")
        channel.backward(
          weights + place, z: residual[l + 1], dStream, gradient: gradients + place,
          rows: shape.rows, width: model.width, factor: lossFactor * S(bottleneck.weight))
      }
      FeedForward.backward(
        dOut: dStream, layer.norm2.output, .init(weights, layout, name + "mlp."),
        gradients: .init(gradients, layout, name + "mlp."), layer.mlp, scratch: dHidden, shape,
        dx: dNormed)
      LayerNorm.backward(
        dy: dNormed, layer.mid, .init(weights, layout, name + "norm2"),
        gradients: .init(gradients, layout, name + "norm2"), layer.norm2, shape, addTo: dStream)
      SelfAttention.backward(
        dOut: dStream, layer.norm1.output, .init(weights, layout, name + "attention."),
        gradients: .init(gradients, layout, name + "attention."), layer.attention, scratch, shape,
        dx: dNormed)
      LayerNorm.backward(
        dy: dNormed, residual[l], .init(weights, layout, name + "norm1"),
        gradients: .init(gradients, layout, name + "norm1"), layer.norm1, shape, addTo: dStream)
    }
    embeddingGradient(gradients, shape)
  }

  @specialized(where S == Float)
  private func declassify(
    _ weights: UnsafeMutablePointer<S>, _ gradients: UnsafeMutablePointer<S>, _ shape: BatchShape
  ) {
    let (d, n, c) = (model.width, model.positionCount, model.classCount)
    S.gemm(
      MatrixProduct(
        m: c, n: d, k: shape.samples, alpha: 1, a: dLogits, lda: c, transposeA: true, b: pooled,
        ldb: d, beta: 1, c: gradients + layout.offset("classifier.weight"), ldc: d))
    Elementwise.addColumnSums(
      dLogits, to: gradients + layout.offset("classifier.bias"), rows: shape.samples, width: c)
    S.gemm(
      MatrixProduct(
        m: shape.samples, n: d, k: c, alpha: 1 / S(n), a: dLogits, lda: c,
        b: weights + layout.offset("classifier.weight"), ldb: d, beta: 0, c: pooled, ldc: d))
    for row in 0..<shape.rows {
      (dNormed + row * d).update(from: pooled + row / n * d, count: d)
    }
    dStream.update(repeating: 0, count: shape.stream)
    LayerNorm.backward(
      dy: dNormed, residual[model.layerCount], .init(weights, layout, "final_norm"),
      gradients: .init(gradients, layout, "final_norm"), finalNorm, shape, addTo: dStream)
  }

  @specialized(where S == Float)
  private func embeddingGradient(_ gradients: UnsafeMutablePointer<S>, _ shape: BatchShape) {
    let (d, n) = (model.width, model.positionCount)
    S.gemm(
      MatrixProduct(
        m: d, n: model.inputWidth, k: shape.rows, alpha: 1, a: dStream, lda: d, transposeA: true,
        b: input, ldb: model.inputWidth, beta: 1, c: gradients + layout.offset("embed.weight"),
        ldc: model.inputWidth))
    Elementwise.addColumnSums(
      dStream, to: gradients + layout.offset("embed.bias"), rows: shape.rows, width: d)
    let positions = gradients + layout.offset("position_embedding.weight")
    for sample in 0..<shape.samples {
      Elementwise.add(dStream + sample * n * d, to: positions, count: n * d)
    }
  }
}
