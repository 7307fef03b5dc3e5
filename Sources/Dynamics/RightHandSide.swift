import Kernels
import Transformer

/// Evaluates the master equation's right-hand side, or some of its terms, and the vector-Jacobian product, in memory
/// allocated once.
final class RightHandSide<S: KernelScalar> {
  /// Terms of the equation.
  struct Terms: OptionSet {
    let rawValue: Int
    static var diffusion: Terms { Terms(.diffusion) }
    static var attention: Terms { Terms(.attention) }
    static var reaction: Terms { Terms(.reaction) }
    /// What moves between positions.
    static var transport: Terms { [.diffusion, .attention] }
    static var all: Terms { [.diffusion, .attention, .reaction] }

    init(rawValue: Int) { self.rawValue = rawValue }
    init(_ term: EquationTerm) { rawValue = 1 << term.rawValue }
  }

  /// What one evaluation leaves for its adjoint.
  struct Tape {
    let norm1: Normalization<S>.Tape
    let attention: SelfAttention<S>.Tape
    let norm2: Normalization<S>.Tape
    let reaction: FeedForward<S>.Tape

    /// Room for `shape`; for one sample when the equation has no attention, whose tape is never written.
    init(_ arena: inout Arena<S>, _ equation: MasterEquation, _ shape: BatchShape) {
      let shape = equation.model.hasAttention ? shape : equation.shape(samples: 1)
      norm1 = .init(&arena, shape)
      attention = .init(&arena, shape)
      norm2 = .init(&arena, shape)
      reaction = .init(&arena, shape, equation.network.variant.activation)
    }
  }

  private let equation: MasterEquation
  private let laplacian: PositionLaplacian<S>
  private let rotation: Rotation<S>?
  private let diffusivity: Buffer<S>
  private let slope: Buffer<S>
  private let dNormed: Buffer<S>
  private let dHidden: Buffer<S>
  private let scratchMemory: Buffer<S>
  private let scratch: SelfAttention<S>.Scratch

  init(_ equation: MasterEquation, capacity: Int) {
    self.equation = equation
    let (network, shape) = (equation.network, equation.shape(samples: capacity))
    laplacian = PositionLaplacian(equation.grid, equation.boundary, network: network)
    rotation =
      network.variant.positions == .rotary
      ? Rotation(positions: network.positionCount, headWidth: network.headWidth) : nil
    diffusivity = Buffer(shape.width)
    slope = Buffer(shape.width)
    dNormed = Buffer(shape.stream)
    dHidden = Buffer(shape.rows * shape.hidden)
    var measure = Arena<S>(dNormed.start)
    _ = SelfAttention<S>.Scratch(&measure, shape)
    scratchMemory = Buffer(measure.used)
    var arena = Arena<S>(scratchMemory.start)
    scratch = SelfAttention<S>.Scratch(&arena, shape)
  }

  private var hasNorm: Bool { equation.network.variant.norm != .none }

  private func form(_ shard: Shard) -> SelfAttention<S>.Form {
    var form = SelfAttention<S>.Form()
    form.isCausal = equation.network.variant.isCausal
    form.lengths = shard.lengths
    form.rotation = rotation
    return form
  }

  /// `out = Σ terms of f(u)`, leaving the tape.
  @specialized(where S == Float)
  func evaluate(
    _ terms: Terms, _ u: UnsafePointer<S>, _ weights: UnsafeMutablePointer<S>, _ tape: Tape,
    _ shard: Shard, to out: UnsafeMutablePointer<S>
  ) {
    let shape = equation.shape(samples: shard.samples)
    let layout = equation.interval
    out.update(repeating: 0, count: shape.stream)
    if terms.contains(.diffusion), equation.model != .persistence {
      softplus(weights + layout.offset("diffusivity.raw"), shape.width)
      laplacian.add(u, diffusivity: diffusivity.start, to: out, shard)
    }
    guard equation.model.hasAttention else { return }
    if terms.contains(.attention) {
      SelfAttention.forward(
        read(u, "norm1", weights, tape.norm1, shape), .init(weights, layout, "attention."),
        tape.attention, shape, addTo: out, factor: weights[layout.offset("attention_strength")],
        form: form(shard))
    }
    if terms.contains(.reaction) {
      FeedForward.forward(
        read(u, "norm2", weights, tape.norm2, shape), .init(weights, layout, "reaction."),
        tape.reaction, shape, addTo: out, factor: S(equation.network.layerCount))
    }
  }

  /// What attention or reaction read: the normalised state where the network has norms.
  private func read(
    _ u: UnsafePointer<S>, _ norm: String, _ weights: UnsafeMutablePointer<S>,
    _ tape: Normalization<S>.Tape, _ shape: BatchShape
  ) -> UnsafePointer<S> {
    guard hasNorm else { return u }
    Normalization.forward(
      u, .init(weights, equation.interval, norm), tape, shape,
      epsilon: S(equation.network.epsilon))
    return UnsafePointer(tape.output)
  }

  /// The adjoint of one evaluation: `du = (∂f/∂u)ᵀ g`, and the parameters' gradients by addition.
  @specialized(where S == Float)
  func adjoint(
    _ terms: Terms, _ g: UnsafePointer<S>, _ u: UnsafePointer<S>,
    _ weights: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>, _ tape: Tape,
    _ shard: Shard, du: UnsafeMutablePointer<S>, attraction: SelfAttention<S>.Attraction?
  ) {
    let shape = equation.shape(samples: shard.samples)
    let layout = equation.interval
    du.update(repeating: 0, count: shape.stream)
    if terms.contains(.diffusion), equation.model != .persistence {
      diffusionAdjoint(g, u, weights, gradients, shape, shard, du: du)
    }
    guard equation.model.hasAttention else { return }
    if terms.contains(.attention) {
      let place = layout.offset("attention_strength")
      gradients[place] += strengthGradient(g, weights, tape, shape)
      SelfAttention.backward(
        dOut: g, factor: weights[place], hasNorm ? UnsafePointer(tape.norm1.output) : u,
        .init(weights, layout, "attention."), gradients: .init(gradients, layout, "attention."),
        tape.attention, scratch, shape, dx: dNormed.start, form: form(shard),
        attraction: attraction)
      unread(u, "norm1", weights, gradients, tape.norm1, shape, du: du)
    }
    if terms.contains(.reaction) {
      FeedForward.backward(
        dOut: g, factor: S(equation.network.layerCount),
        hasNorm ? UnsafePointer(tape.norm2.output) : u, .init(weights, layout, "reaction."),
        gradients: .init(gradients, layout, "reaction."), tape.reaction, scratch: dHidden.start,
        shape, dx: dNormed.start)
      unread(u, "norm2", weights, gradients, tape.norm2, shape, du: du)
    }
  }

  /// Adds to `du` what the gradient of the state that was read, in `dNormed`, means for the state.
  private func unread(
    _ u: UnsafePointer<S>, _ norm: String, _ weights: UnsafeMutablePointer<S>,
    _ gradients: UnsafeMutablePointer<S>, _ tape: Normalization<S>.Tape, _ shape: BatchShape,
    du: UnsafeMutablePointer<S>
  ) {
    guard hasNorm else { return Elementwise.add(dNormed.start, to: du, count: shape.stream) }
    Normalization.backward(
      dy: dNormed.start, u, .init(weights, equation.interval, norm),
      gradients: .init(gradients, equation.interval, norm), tape, shape, addTo: du)
  }

  private func diffusionAdjoint(
    _ g: UnsafePointer<S>, _ u: UnsafePointer<S>, _ weights: UnsafeMutablePointer<S>,
    _ gradients: UnsafeMutablePointer<S>, _ shape: BatchShape, _ shard: Shard,
    du: UnsafeMutablePointer<S>
  ) {
    let place = equation.interval.offset("diffusivity.raw")
    softplus(weights + place, shape.width)
    laplacian.addAdjoint(g, diffusivity: diffusivity.start, to: du, shard)
    slope.clear()
    laplacian.addDiffusivityGradient(u, g, to: slope.start, shard)
    for c in 0..<shape.width {
      // d softplus(x)/dx = 1/(1 + e^-x).
      gradients[place + c] += slope.start[c] / (1 + S.exponential(-weights[place + c]))
    }
  }

  /// Σ g · A(LN u): the derivative by α. Computed from the mixed values, not by dividing by α, which may be 0.
  private func strengthGradient(
    _ g: UnsafePointer<S>, _ weights: UnsafeMutablePointer<S>, _ tape: Tape, _ shape: BatchShape
  ) -> S {
    let parameters = SelfAttention<S>.Parameters(weights, equation.interval, "attention.")
    dNormed.start.update(repeating: 0, count: shape.stream)
    Elementwise.addBias(
      parameters.outputBias, to: dNormed.start, rows: shape.rows, width: shape.width)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: shape.width, k: shape.width, alpha: 1, a: tape.attention.mixed,
        lda: shape.width, b: parameters.output, ldb: shape.width, transposeB: true, beta: 1,
        c: dNormed.start, ldc: shape.width))
    return S(Elementwise.dot(g, dNormed.start, count: shape.stream))
  }

  private func softplus(_ raw: UnsafePointer<S>, _ width: Int) {
    for c in 0..<width {
      let x = raw[c]
      diffusivity.start[c] = max(x, 0) + S.logarithm(1 + S.exponential(-abs(x)))
    }
  }
}
