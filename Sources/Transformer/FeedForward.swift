import Kernels

/// The MLP of a layer, `W₂ GELU(W₁ x + b₁) + b₂`, position by position, forward and backward.
public enum FeedForward<S: KernelScalar> {
  /// Weights, or their gradients, laid out by ``ParameterLayout/appendFeedForward(_:width:hidden:)``.
  public struct Parameters {
    let up: UnsafeMutablePointer<S>
    let upBias: UnsafeMutablePointer<S>
    let down: UnsafeMutablePointer<S>
    let downBias: UnsafeMutablePointer<S>

    /// The MLP whose parameters' names start with `prefix`, in the vector at `base`.
    public init(_ base: UnsafeMutablePointer<S>, _ layout: ParameterLayout, _ prefix: String) {
      up = base + layout.offset(prefix + "up.weight")
      upBias = base + layout.offset(prefix + "up.bias")
      down = base + layout.offset(prefix + "down.weight")
      downBias = base + layout.offset(prefix + "down.bias")
    }
  }

  /// What the forward pass leaves for the backward pass.
  public struct Tape {
    /// Before the activation, `[sample, position, hidden]`.
    public let hidden: UnsafeMutablePointer<S>
    /// After the activation, `[sample, position, hidden]`.
    public let active: UnsafeMutablePointer<S>

    /// Takes the two arrays from `arena`.
    public init(_ arena: inout Arena<S>, _ shape: BatchShape) {
      hidden = arena.take(shape.rows * shape.hidden)
      active = arena.take(shape.rows * shape.hidden)
    }
  }

  /// `out += factor · MLP(x)`, with `x` and `out` `[sample, position, channel]`.
  @specialized(where S == Float)
  public static func forward(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ tape: Tape, _ shape: BatchShape,
    addTo out: UnsafeMutablePointer<S>, factor: S = 1
  ) {
    let (d, f) = (shape.width, shape.hidden)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: f, k: d, alpha: 1, a: x, lda: d, b: parameters.up, ldb: d,
        transposeB: true, beta: 0, c: tape.hidden, ldc: f))
    S.biasGELU(tape.hidden, bias: parameters.upBias, to: tape.active, rows: shape.rows, width: f)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: d, k: f, alpha: factor, a: tape.active, lda: f, b: parameters.down,
        ldb: f, transposeB: true, beta: 1, c: out, ldc: d))
    Elementwise.addBias(parameters.downBias, to: out, rows: shape.rows, width: d, factor: factor)
  }

  /// The backward pass of `out += factor · MLP(x)`; `scratch` is `[sample, position, hidden]`, `dx` is overwritten.
  @specialized(where S == Float)
  public static func backward(
    dOut: UnsafePointer<S>, factor: S = 1, _ x: UnsafePointer<S>, _ parameters: Parameters,
    gradients: Parameters, _ tape: Tape, scratch: UnsafeMutablePointer<S>, _ shape: BatchShape,
    dx: UnsafeMutablePointer<S>
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
    S.geluGradient(tape.hidden, scratch, count: shape.rows * f)
    S.gemm(
      MatrixProduct(
        m: f, n: d, k: shape.rows, alpha: 1, a: scratch, lda: f, transposeA: true, b: x, ldb: d,
        beta: 1, c: gradients.up, ldc: d))
    Elementwise.addColumnSums(scratch, to: gradients.upBias, rows: shape.rows, width: f)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: d, k: f, alpha: 1, a: scratch, lda: f, b: parameters.up, ldb: d,
        beta: 0, c: dx, ldc: d))
  }
}
