import Kernels
import Transformer

/// Evaluates the master equation's right-hand side and its vector-Jacobian product, in memory allocated once.
final class RightHandSide<S: KernelScalar> {
  /// What one evaluation leaves for its adjoint.
  struct Tape {
    let norm1: Normalization<S>.Tape
    let attention: SelfAttention<S>.Tape
    let norm2: Normalization<S>.Tape
    let reaction: FeedForward<S>.Tape

    init(_ arena: inout Arena<S>, _ shape: BatchShape) {
      norm1 = .init(&arena, shape)
      attention = .init(&arena, shape)
      norm2 = .init(&arena, shape)
      reaction = .init(&arena, shape)
    }
  }

  private let equation: MasterEquation
  private let diffusivity: Buffer<S>
  private let slope: Buffer<S>
  private let dNormed: Buffer<S>
  private let dHidden: Buffer<S>
  private let scratchMemory: Buffer<S>
  private let scratch: SelfAttention<S>.Scratch

  init(_ equation: MasterEquation, capacity: Int) {
    self.equation = equation
    let shape = equation.shape(samples: capacity)
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

  /// `out = f(u)`, leaving the tape.
  @specialized(where S == Float)
  func evaluate(
    _ u: UnsafePointer<S>, _ weights: UnsafeMutablePointer<S>, _ tape: Tape, samples: Int,
    to out: UnsafeMutablePointer<S>
  ) {
    let shape = equation.shape(samples: samples)
    let layout = equation.interval
    out.update(repeating: 0, count: shape.stream)
    guard equation.model != .persistence else { return }
    softplus(weights + layout.offset("diffusivity.raw"), shape.width)
    Laplacian.add(
      u, diffusivity: diffusivity.start, to: out, equation.grid, samples: samples,
      width: shape.width)
    guard equation.model.hasAttention else { return }
    let epsilon = S(equation.network.epsilon)
    Normalization.forward(u, .init(weights, layout, "norm1"), tape.norm1, shape, epsilon: epsilon)
    SelfAttention.forward(
      tape.norm1.output, .init(weights, layout, "attention."), tape.attention, shape, addTo: out,
      factor: weights[layout.offset("attention_strength")])
    Normalization.forward(u, .init(weights, layout, "norm2"), tape.norm2, shape, epsilon: epsilon)
    FeedForward.forward(
      tape.norm2.output, .init(weights, layout, "reaction."), tape.reaction, shape, addTo: out,
      factor: S(equation.network.layerCount))
  }

  /// The attention map at `u` without the rest, left in the tape.
  func evaluateMap(
    _ u: UnsafePointer<S>, _ weights: UnsafeMutablePointer<S>, _ tape: Tape, samples: Int
  ) {
    let shape = equation.shape(samples: samples)
    Normalization.forward(
      u, .init(weights, equation.interval, "norm1"), tape.norm1, shape,
      epsilon: S(equation.network.epsilon))
    SelfAttention.map(
      tape.norm1.output, .init(weights, equation.interval, "attention."), tape.attention, shape)
  }

  /// The adjoint of one evaluation: `du = (∂f/∂u)ᵀ g`, and the parameters' gradients by addition.
  @specialized(where S == Float)
  func adjoint(
    _ g: UnsafePointer<S>, _ u: UnsafePointer<S>, _ weights: UnsafeMutablePointer<S>,
    gradients: UnsafeMutablePointer<S>, _ tape: Tape, samples: Int, du: UnsafeMutablePointer<S>,
    attraction: SelfAttention<S>.Attraction?
  ) {
    let shape = equation.shape(samples: samples)
    let layout = equation.interval
    du.update(repeating: 0, count: shape.stream)
    guard equation.model != .persistence else { return }
    diffusionAdjoint(g, u, weights, gradients, shape, du: du)
    guard equation.model.hasAttention else { return }
    let place = layout.offset("attention_strength")
    gradients[place] += strengthGradient(g, weights, tape, shape)
    SelfAttention.backward(
      dOut: g, factor: weights[place], tape.norm1.output, .init(weights, layout, "attention."),
      gradients: .init(gradients, layout, "attention."), tape.attention, scratch, shape,
      dx: dNormed.start, attraction: attraction)
    Normalization.backward(
      dy: dNormed.start, u, .init(weights, layout, "norm1"),
      gradients: .init(gradients, layout, "norm1"), tape.norm1, shape, addTo: du)
    FeedForward.backward(
      dOut: g, factor: S(equation.network.layerCount), tape.norm2.output,
      .init(weights, layout, "reaction."), gradients: .init(gradients, layout, "reaction."),
      tape.reaction, scratch: dHidden.start, shape, dx: dNormed.start)
    Normalization.backward(
      dy: dNormed.start, u, .init(weights, layout, "norm2"),
      gradients: .init(gradients, layout, "norm2"), tape.norm2, shape, addTo: du)
  }

  private func diffusionAdjoint(
    _ g: UnsafePointer<S>, _ u: UnsafePointer<S>, _ weights: UnsafeMutablePointer<S>,
    _ gradients: UnsafeMutablePointer<S>, _ shape: BatchShape, du: UnsafeMutablePointer<S>
  ) {
    let place = equation.interval.offset("diffusivity.raw")
    softplus(weights + place, shape.width)
    Laplacian.add(
      g, diffusivity: diffusivity.start, to: du, equation.grid, samples: shape.samples,
      width: shape.width)
    slope.clear()
    Laplacian.addDiffusivityGradient(
      u, g, to: slope.start, equation.grid, samples: shape.samples, width: shape.width)
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
