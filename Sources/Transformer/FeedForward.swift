import Kernels

/// The MLP of a layer, `W₂ φ(W₁ x + b₁) + b₂`, position by position, forward and backward. With SwiGLU,
/// φ is `SiLU(W_g x + b_g) · (W₁ x + b₁)`.
public enum FeedForward<S: KernelScalar> {
  /// Where the parameters lie in the vector.
  struct Place: Sendable {
    let up: Int, upBias: Int, down: Int, downBias: Int
    let gate: Int?, gateBias: Int?

    init(_ layout: ParameterLayout, _ prefix: String) {
      (up, upBias) = (layout.offset(prefix + "up.weight"), layout.offset(prefix + "up.bias"))
      (down, downBias) = (
        layout.offset(prefix + "down.weight"), layout.offset(prefix + "down.bias")
      )
      (gate, gateBias) = (layout.find(prefix + "gate.weight"), layout.find(prefix + "gate.bias"))
    }
  }

  /// Weights, or their gradients, laid out by ``ParameterLayout/appendFeedForward(_:width:hidden:gated:)``.
  public struct Parameters {
    let up: UnsafeMutablePointer<S>
    let upBias: UnsafeMutablePointer<S>
    let down: UnsafeMutablePointer<S>
    let downBias: UnsafeMutablePointer<S>
    let gate: (weight: UnsafeMutablePointer<S>, bias: UnsafeMutablePointer<S>)?

    /// The MLP whose parameters' names start with `prefix`, in the vector at `base`.
    public init(_ base: UnsafeMutablePointer<S>, _ layout: ParameterLayout, _ prefix: String) {
      self.init(base, Place(layout, prefix))
    }

    init(_ base: UnsafeMutablePointer<S>, _ place: Place) {
      (up, upBias) = (base + place.up, base + place.upBias)
      (down, downBias) = (base + place.down, base + place.downBias)
      if let weight = place.gate, let bias = place.gateBias {
        gate = (base + weight, base + bias)
      } else {
        gate = nil
      }
    }
  }

  /// What the forward pass leaves for the backward pass.
  public struct Tape {
    /// What is done between the matrices.
    public let activation: Activation
    /// Before the activation, `[sample, position, hidden]`.
    public let hidden: UnsafeMutablePointer<S>
    /// After the activation, `[sample, position, hidden]`.
    public let active: UnsafeMutablePointer<S>
    /// The gate before the activation, and its gradient; SwiGLU only.
    let gate: (value: UnsafeMutablePointer<S>, gradient: UnsafeMutablePointer<S>)?

    /// Takes the arrays from `arena`.
    public init(_ arena: inout Arena<S>, _ shape: BatchShape, _ activation: Activation = .gelu) {
      self.activation = activation
      hidden = arena.take(shape.rows * shape.hidden)
      active = arena.take(shape.rows * shape.hidden)
      gate =
        activation == .swiglu
        ? (arena.take(shape.rows * shape.hidden), arena.take(shape.rows * shape.hidden)) : nil
    }
  }

  /// `out += factor · MLP(x)`, with `x` and `out` `[sample, position, channel]`.
  @specialized(where S == Float)
  public static func forward(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ tape: Tape, _ shape: BatchShape,
    addTo out: UnsafeMutablePointer<S>, factor: S = 1
  ) {
    let (d, f) = (shape.width, shape.hidden)
    lift(x, parameters.up, tape.hidden, shape)
    switch tape.activation {
    case .gelu:
      S.biasGELU(tape.hidden, bias: parameters.upBias, to: tape.active, rows: shape.rows, width: f)
    case .relu:
      Elementwise.biasReLU(
        tape.hidden, bias: parameters.upBias, to: tape.active, rows: shape.rows, width: f)
    case .swiglu:
      guard let weights = parameters.gate, let gate = tape.gate else { break }
      Elementwise.addBias(parameters.upBias, to: tape.hidden, rows: shape.rows, width: f)
      lift(x, weights.weight, gate.value, shape)
      Elementwise.addBias(weights.bias, to: gate.value, rows: shape.rows, width: f)
      S.swiGLU(gate: gate.value, tape.hidden, to: tape.active, count: shape.rows * f)
    }
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: d, k: f, alpha: factor, a: tape.active, lda: f, b: parameters.down,
        ldb: f, transposeB: true, beta: 1, c: out, ldc: d))
    Elementwise.addBias(parameters.downBias, to: out, rows: shape.rows, width: d, factor: factor)
  }

  @specialized(where S == Float)
  private static func lift(
    _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>,
    _ shape: BatchShape
  ) {
    let (d, f) = (shape.width, shape.hidden)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: f, k: d, alpha: 1, a: x, lda: d, b: weights, ldb: d, transposeB: true,
        beta: 0, c: out, ldc: f))
  }

  /// The backward pass of `out += factor · MLP(x)`; `scratch` is `[sample, position, hidden]`, `dx` is overwritten.
  /// `onActive` is shown the gradient after the activation.
  @specialized(where S == Float)
  public static func backward(
    dOut: UnsafePointer<S>, factor: S = 1, _ x: UnsafePointer<S>, _ parameters: Parameters,
    gradients: Parameters, _ tape: Tape, scratch: UnsafeMutablePointer<S>, _ shape: BatchShape,
    dx: UnsafeMutablePointer<S>, onActive: ((UnsafePointer<S>) -> Void)? = nil
  ) {
    let (d, f) = (shape.width, shape.hidden)
    S.gemm(
      MatrixProduct(
        m: d, n: f, k: shape.rows, alpha: factor, a: dOut, lda: d, transposeA: true,
        b: tape.active, ldb: f, beta: 1, c: gradients.down, ldc: f))
    Elementwise.addColumnSums(
      dOut, to: gradients.downBias, rows: shape.rows, width: d, factor: factor)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: f, k: d, alpha: factor, a: dOut, lda: d, b: parameters.down, ldb: f,
        beta: 0, c: scratch, ldc: f))
    onActive?(scratch)
    switch tape.activation {
    case .gelu: S.geluGradient(tape.hidden, scratch, count: shape.rows * f)
    case .relu: Elementwise.reluGradient(tape.hidden, scratch, count: shape.rows * f)
    case .swiglu:
      guard let gate = tape.gate else { break }
      S.swiGLUGradient(
        gate: gate.value, tape.hidden, scratch, dGate: gate.gradient, count: shape.rows * f)
    }
    lower(scratch, x, parameters.up, gradients.up, gradients.upBias, shape, beta: 0, dx: dx)
    if let gate = tape.gate, let weights = parameters.gate, let slopes = gradients.gate {
      lower(gate.gradient, x, weights.weight, slopes.weight, slopes.bias, shape, beta: 1, dx: dx)
    }
  }

  /// Gradients of one matrix and bias, and of `x`.
  @specialized(where S == Float)
  private static func lower(
    _ d: UnsafePointer<S>, _ x: UnsafePointer<S>, _ weights: UnsafePointer<S>,
    _ gradient: UnsafeMutablePointer<S>, _ biasGradient: UnsafeMutablePointer<S>,
    _ shape: BatchShape, beta: S, dx: UnsafeMutablePointer<S>
  ) {
    let (w, f) = (shape.width, shape.hidden)
    S.gemm(
      MatrixProduct(
        m: f, n: w, k: shape.rows, alpha: 1, a: d, lda: f, transposeA: true, b: x, ldb: w,
        beta: 1, c: gradient, ldc: w))
    Elementwise.addColumnSums(d, to: biasGradient, rows: shape.rows, width: f)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: w, k: f, alpha: 1, a: d, lda: f, b: weights, ldb: w, beta: beta, c: dx,
        ldc: w))
  }
}
