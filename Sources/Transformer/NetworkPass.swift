import Arrays
import Kernels

/// One shard's way through a Transformer and back, in memory allocated once.
///
/// Pre-norm (Xiong et al. 2020): u ← u + Attention(N u); u ← u + MLP(N u). Post-norm (Vaswani et al. 2017):
/// u ← N(u + Attention(u)); u ← N(u + MLP(u)). Without residual connections the sums lose their `u`.
/// Not to be used by two threads at a time.
public final class NetworkPass<S: KernelScalar>: @unchecked Sendable {
  struct Layer {
    /// In post-norm, what the norm normalises: the stream after attention, and after the MLP.
    let norm1: Normalization<S>.Tape
    let norm2: Normalization<S>.Tape
    let attention: SelfAttention<S>.Tape
    let mlp: FeedForward<S>.Tape
    /// What attention, and the MLP, add to; in post-norm the norms' input, else the stream itself.
    let sum1: UnsafeMutablePointer<S>
    let sum2: UnsafeMutablePointer<S>
    /// The stream between attention and MLP, and after the layer.
    let mid: UnsafeMutablePointer<S>
    let post: UnsafeMutablePointer<S>
  }

  /// Where the parameters of one layer lie.
  struct BlockPlace {
    let norm1: Normalization<S>.Place?
    let attention: SelfAttention<S>.Place
    let norm2: Normalization<S>.Place?
    let mlp: FeedForward<S>.Place
  }

  /// The Transformer's sizes.
  public let model: ModelConfiguration
  /// Where the parameters lie.
  public let layout: ParameterLayout
  /// Samples there is room for.
  public let capacity: Int
  /// Input `[sample, position, inputWidth]` of patches; the caller fills it, by way of ``slot(_:)``.
  public let input: UnsafeMutablePointer<S>
  /// Logits `[sample, class]`, or `[sample, position, token]`, of the last forward pass.
  public let logits: UnsafeMutablePointer<S>
  let tokens: UnsafeMutablePointer<Int32>
  let targets: UnsafeMutablePointer<Int32>
  let lengths: UnsafeMutablePointer<Int32>
  private let memory: Buffer<S>
  let first: UnsafeMutablePointer<S>
  let layers: [Layer]
  let finalNorm: Normalization<S>.Tape
  let pooled: UnsafeMutablePointer<S>
  let dLogits: UnsafeMutablePointer<S>
  let back: Back
  let channel: GaussianChannel<S>?
  let refinements: [RefinementPass<S>]
  let places: [BlockPlace]
  let offsets: Offsets
  let rotation: Rotation<S>?
  /// Sines and cosines `[position, channel]`, when positions are sinusoidal.
  let sinusoids: Buffer<S>?
  let dropout: Dropout<S>
  /// Streams of random numbers of the last training pass; nil when it was none.
  var noise: Noise?
  /// Sum over the samples of the last noisy pass of the bound on I(X;Z), in nats.
  public internal(set) var informationBound = 0.0
  var lossFactor: S = 0
  /// Label smoothing: the share of a target's weight spread over all classes.
  public var smoothing = 0.0

  /// Buffers of the backward pass.
  struct Back {
    let stream: UnsafeMutablePointer<S>
    let branch: UnsafeMutablePointer<S>
    let normed: UnsafeMutablePointer<S>
    let hidden: UnsafeMutablePointer<S>
    let attention: SelfAttention<S>.Scratch
  }

  /// Which random numbers a training pass draws: the same for a seed and an index.
  public struct Noise: Sendable {
    /// Seed, and the number of the shard over all steps.
    public var seed: UInt64, index: UInt64

    /// The numbers of shard `index` of `seed`.
    public init(seed: UInt64, index: UInt64) { (self.seed, self.index) = (seed, index) }
  }

  /// Places of the parameters outside the layers.
  struct Offsets {
    let embedWeight: Int?, embedBias: Int?, tokens: Int?, classToken: Int?, positions: Int?
    let finalNorm: Normalization<S>.Place?
    let classifier: Int, classifierBias: Int, logSigma: Int?

    init(_ layout: ParameterLayout, _ model: ModelConfiguration) {
      embedWeight = layout.find("embed.weight")
      embedBias = layout.find("embed.bias")
      tokens = layout.find("token_embedding.weight")
      classToken = layout.find("class_token")
      positions = layout.find("position_embedding.weight")
      finalNorm = model.variant.norm == .pre ? .init(layout, "final_norm") : nil
      classifier = layout.offset(
        model.variant.isTied ? "token_embedding.weight" : "classifier.weight")
      classifierBias = layout.offset("classifier.bias")
      logSigma = layout.find("bottleneck.log_sigma")
    }
  }

  /// Bytes of activations one pass takes.
  public var byteCount: Int { memory.count * MemoryLayout<S>.stride }

  /// Bytes of activations a pass with room for `capacity` samples would take.
  public static func byteCount(_ model: ModelConfiguration, capacity: Int) -> Int {
    var measure = Arena<S>(Buffer<S>(1).start)
    _ = cut(&measure, model, shape(model, capacity))
    return measure.used * MemoryLayout<S>.stride
  }

  /// A pass with room for `capacity` samples.
  public init(_ model: ModelConfiguration, _ layout: ParameterLayout, capacity: Int) {
    (self.model, self.layout, self.capacity) = (model, layout, capacity)
    let shape = Self.shape(model, capacity)
    var measure = Arena<S>(Buffer<S>(1).start)
    _ = Self.cut(&measure, model, shape)
    memory = Buffer(measure.used)
    var arena = Arena<S>(memory.start)
    let pieces = Self.cut(&arena, model, shape)
    (input, first, layers, finalNorm) = (pieces.input, pieces.first, pieces.layers, pieces.norm)
    (pooled, logits, dLogits) = (pieces.pooled, pieces.logits, pieces.dLogits)
    (back, channel, refinements) = (pieces.back, pieces.channel, pieces.refinements)
    offsets = Offsets(layout, model)
    places = (0..<model.layerCount).map { l in
      let hasNorm = model.variant.norm != .none
      return BlockPlace(
        norm1: hasNorm ? .init(layout, "blocks.\(l).norm1") : nil,
        attention: .init(layout, "blocks.\(l).attention."),
        norm2: hasNorm ? .init(layout, "blocks.\(l).norm2") : nil,
        mlp: .init(layout, "blocks.\(l).mlp."))
    }
    let variant = model.variant
    rotation =
      variant.positions == .rotary
      ? Rotation(positions: model.positionCount, headWidth: model.headWidth) : nil
    sinusoids = variant.positions == .sinusoidal ? Self.sinusoids(model) : nil
    dropout = Dropout(share: variant.dropout)
    (tokens, targets, lengths) = (
      .allocate(capacity: shape.rows), .allocate(capacity: capacity * model.targetCount),
      .allocate(capacity: capacity)
    )
    tokens.initialize(repeating: 0, count: shape.rows)
    targets.initialize(repeating: 0, count: capacity * model.targetCount)
    lengths.initialize(repeating: Int32(model.positionCount), count: capacity)
  }

  deinit {
    tokens.deallocate()
    targets.deallocate()
    lengths.deallocate()
  }

  private struct Pieces {
    let input: UnsafeMutablePointer<S>, first: UnsafeMutablePointer<S>, layers: [Layer]
    let norm: Normalization<S>.Tape, pooled: UnsafeMutablePointer<S>
    let logits: UnsafeMutablePointer<S>, dLogits: UnsafeMutablePointer<S>, back: Back
    let channel: GaussianChannel<S>?, refinements: [RefinementPass<S>]
  }

  private static func cut(
    _ arena: inout Arena<S>, _ model: ModelConfiguration, _ shape: BatchShape
  ) -> Pieces {
    var input = arena.take(0)
    if case .patches(let width) = model.input {
      input = arena.take(shape.samples * model.inputCount * width)
    }
    let first = arena.take(shape.stream)
    let layers = (0..<model.layerCount).map { _ -> Layer in
      let norm1 = Normalization<S>.Tape(&arena, shape)
      let norm2 = Normalization<S>.Tape(&arena, shape)
      let (sum1, sum2) = (arena.take(shape.stream), arena.take(shape.stream))
      let isPost = model.variant.norm == .post
      return Layer(
        norm1: norm1, norm2: norm2, attention: .init(&arena, shape),
        mlp: .init(&arena, shape, model.variant.activation), sum1: sum1, sum2: sum2,
        mid: isPost ? norm1.output : sum1, post: isPost ? norm2.output : sum2)
    }
    let outcomes = shape.samples * model.targetCount * model.classCount
    return Pieces(
      input: input, first: first, layers: layers, norm: .init(&arena, shape),
      pooled: arena.take(shape.samples * shape.width), logits: arena.take(outcomes),
      dLogits: arena.take(outcomes),
      back: Back(
        stream: arena.take(shape.stream), branch: arena.take(shape.stream),
        normed: arena.take(shape.stream), hidden: arena.take(shape.rows * shape.hidden),
        attention: .init(&arena, shape)),
      channel: model.bottleneck == nil ? nil : GaussianChannel(&arena, shape),
      refinements: model.refinements.indices.map { RefinementPass(&arena, model, $0, shape) })
  }

  static func shape(_ model: ModelConfiguration, _ samples: Int) -> BatchShape {
    BatchShape(
      samples: samples, positions: model.positionCount, width: model.width,
      heads: model.headCount, hidden: model.mlpWidth, keyValueHeads: model.keyValueHeadCount)
  }

  /// Masks and rotation as attention wants them.
  var form: SelfAttention<S>.Form {
    var form = SelfAttention<S>.Form()
    form.isCausal = model.variant.isCausal
    form.lengths = sampleLengths
    form.rotation = rotation
    return form
  }

  // MARK: - What can be filled before, and looked at after, a forward pass

  /// Where sample `place` of the shard is written.
  public func slot(_ place: Int) -> SampleSlot<S> {
    var width = 0
    if case .patches(let pixels) = model.input { width = pixels }
    return SampleSlot(
      input: input + place * model.inputCount * width,
      tokens: tokens + place * model.positionCount,
      targets: targets + place * model.targetCount, length: lengths + place,
      extra: Int32(model.classTokenCount))
  }

  /// The residual stream `[sample, position, channel]` before layer `layer`; `layerCount` is after the last.
  public func residual(_ layer: Int) -> UnsafeMutablePointer<S> {
    layer == 0 ? first : layers[layer - 1].post
  }
  /// The residual stream between attention and MLP of a layer.
  public func residualMid(_ layer: Int) -> UnsafeMutablePointer<S> { layers[layer].mid }
  /// The attention map `[sample, head, query, key]` of a layer.
  public func attentionMap(_ layer: Int) -> UnsafeMutablePointer<S> { layers[layer].attention.map }
  /// Positions of each sample that are not padding, `[sample]`; nil when nothing can be padding.
  public var sampleLengths: UnsafePointer<Int32>? {
    if case .tokens = model.input { UnsafePointer(lengths) } else { nil }
  }
  /// Positions of a sample that are not padding.
  func length(_ sample: Int) -> Int { Int(lengths[sample]) }
}

/// Where one sample of a shard is written: what its modality has, and its targets.
public struct SampleSlot<S: KernelScalar> {
  /// Patches `[position, inputWidth]`.
  public let input: UnsafeMutablePointer<S>
  /// Tokens `[position]`; those past the length are not read.
  public let tokens: UnsafeMutablePointer<Int32>
  /// The class, or the next token at each position; negative where there is none.
  public let targets: UnsafeMutablePointer<Int32>
  private let length: UnsafeMutablePointer<Int32>
  private let extra: Int32

  init(
    input: UnsafeMutablePointer<S>, tokens: UnsafeMutablePointer<Int32>,
    targets: UnsafeMutablePointer<Int32>, length: UnsafeMutablePointer<Int32>, extra: Int32
  ) {
    (self.input, self.tokens, self.targets) = (input, tokens, targets)
    (self.length, self.extra) = (length, extra)
  }

  /// States how many positions the sample's tokens fill, at least 1; the rest is padding.
  public func fill(_ positions: Int) { length.pointee = Int32(positions) + extra }
}
