import Arrays

/// A scalar the kernels exist for: `Float`, with vector loops, and `Double`, with the plain loops that serve as
/// the oracle of the fast ones and for gradient checks.
///
/// All arrays are row-major. Pointers must not overlap unless a function says so. Nothing here allocates.
public protocol KernelScalar: BinaryFloatingPoint, ArrayElement {
  /// `c = alpha · op(a) · op(b) + beta · c`; see ``MatrixProduct``.
  static func gemm(_ p: MatrixProduct<Self>)

  /// Replaces each of `rows` rows of `columns` scores by `softmax(scale · row)`.
  static func softmax(
    _ x: UnsafeMutablePointer<Self>, rows: Int, columns: Int, scale: Self)

  /// Turns the gradient of a softmax's output into that of its scores, in place:
  /// `d ← scale · a · (d - Σ a d)`, row by row.
  static func softmaxGradient(
    map a: UnsafePointer<Self>, _ d: UnsafeMutablePointer<Self>, rows: Int, columns: Int,
    scale: Self)

  /// Layer normalisation of `rows` rows of `width` channels: `y = γ (x - mean)/√(var + ε) + β`.
  /// `mean` and `inverse` (1/√(var + ε)) receive one value a row, for the gradient.
  static func layerNorm(
    _ x: UnsafePointer<Self>, gain: UnsafePointer<Self>, bias: UnsafePointer<Self>,
    to y: UnsafeMutablePointer<Self>, mean: UnsafeMutablePointer<Self>,
    inverse: UnsafeMutablePointer<Self>, rows: Int, width: Int, epsilon: Self)

  /// Gradient of ``layerNorm(_:gain:bias:to:mean:inverse:rows:width:epsilon:)``: *adds* to `dx`, `gainGradient`
  /// and `biasGradient`.
  static func layerNormGradient(
    _ x: UnsafePointer<Self>, gain: UnsafePointer<Self>, mean: UnsafePointer<Self>,
    inverse: UnsafePointer<Self>, dy: UnsafePointer<Self>, dx: UnsafeMutablePointer<Self>,
    gainGradient: UnsafeMutablePointer<Self>, biasGradient: UnsafeMutablePointer<Self>,
    rows: Int, width: Int)

  /// `h ← h + bias` in place, and `y = GELU(h)` with the exact `h Φ(h)`.
  static func biasGELU(
    _ h: UnsafeMutablePointer<Self>, bias: UnsafePointer<Self>, to y: UnsafeMutablePointer<Self>,
    rows: Int, width: Int)

  /// `d ← d · GELU'(h)` in place.
  static func geluGradient(_ h: UnsafePointer<Self>, _ d: UnsafeMutablePointer<Self>, count: Int)

  /// Root-mean-square normalisation (Zhang & Sennrich 2019, eq. 4): `y = γ x/√(mean x² + ε)`. `inverse` receives one
  /// value a row, for the gradient.
  static func rmsNorm(
    _ x: UnsafePointer<Self>, gain: UnsafePointer<Self>, to y: UnsafeMutablePointer<Self>,
    inverse: UnsafeMutablePointer<Self>, rows: Int, width: Int, epsilon: Self)

  /// Gradient of ``rmsNorm(_:gain:to:inverse:rows:width:epsilon:)``: *adds* to `dx` and `gainGradient`.
  static func rmsNormGradient(
    _ x: UnsafePointer<Self>, gain: UnsafePointer<Self>, inverse: UnsafePointer<Self>,
    dy: UnsafePointer<Self>, dx: UnsafeMutablePointer<Self>,
    gainGradient: UnsafeMutablePointer<Self>, rows: Int, width: Int)

  /// `y = g σ(g) u`, the gated unit SwiGLU (Shazeer 2020, eq. 5).
  static func swiGLU(
    gate g: UnsafePointer<Self>, _ u: UnsafePointer<Self>, to y: UnsafeMutablePointer<Self>,
    count: Int)

  /// Gradient of ``swiGLU(gate:_:to:count:)``: `d` holds that of the result and receives that of `u`; that of the
  /// gate is written to `dGate`.
  static func swiGLUGradient(
    gate g: UnsafePointer<Self>, _ u: UnsafePointer<Self>, _ d: UnsafeMutablePointer<Self>,
    dGate: UnsafeMutablePointer<Self>, count: Int)

  /// One AdamW step over `count` weights; see ``AdamWStep``.
  static func adamW(
    _ weights: UnsafeMutablePointer<Self>, gradient: UnsafePointer<Self>,
    first: UnsafeMutablePointer<Self>, second: UnsafeMutablePointer<Self>, count: Int,
    _ step: AdamWStep<Self>)

  /// e^x, the library's.
  static func exponential(_ x: Self) -> Self
  /// Natural logarithm, the library's.
  static func logarithm(_ x: Self) -> Self
  /// Gauss error function, the library's.
  static func errorFunction(_ x: Self) -> Self
}

/// One matrix product `c = alpha · op(a) · op(b) + beta · c`, row-major, with leading dimensions.
public struct MatrixProduct<S> {
  /// op(a) is `[m, k]`, op(b) `[k, n]`, c `[m, n]`.
  public var m: Int, n: Int, k: Int
  /// Factor of the product.
  public var alpha: S
  /// Left factor; stored `[k, m]` when `transposeA`.
  public var a: UnsafePointer<S>
  /// Leading dimension of `a`.
  public var lda: Int
  /// Whether `a` is used transposed.
  public var transposeA: Bool
  /// Right factor; stored `[n, k]` when `transposeB`.
  public var b: UnsafePointer<S>
  /// Leading dimension of `b`.
  public var ldb: Int
  /// Whether `b` is used transposed.
  public var transposeB: Bool
  /// Factor of what `c` held; with 0 it is not read.
  public var beta: S
  /// The result.
  public var c: UnsafeMutablePointer<S>
  /// Leading dimension of `c`.
  public var ldc: Int

  /// All fields; transposition and the factors have defaults.
  @inlinable
  public init(
    m: Int, n: Int, k: Int, alpha: S, a: UnsafePointer<S>, lda: Int, transposeA: Bool = false,
    b: UnsafePointer<S>, ldb: Int, transposeB: Bool = false, beta: S,
    c: UnsafeMutablePointer<S>, ldc: Int
  ) {
    (self.m, self.n, self.k, self.alpha, self.beta) = (m, n, k, alpha, beta)
    (self.a, self.lda, self.transposeA) = (a, lda, transposeA)
    (self.b, self.ldb, self.transposeB) = (b, ldb, transposeB)
    (self.c, self.ldc) = (c, ldc)
  }
}

/// The constants of one AdamW step (Loshchilov & Hutter 2019, algorithm 2, with bias correction).
public struct AdamWStep<S: Sendable>: Sendable {
  /// Learning rate of this step.
  public var rate: S
  /// Decay of the first moment.
  public var beta1: S
  /// Decay of the second moment.
  public var beta2: S
  /// Added to the root of the second moment.
  public var epsilon: S
  /// Decoupled weight decay.
  public var decay: S
  /// 1 - β₁^t.
  public var correction1: S
  /// 1 - β₂^t.
  public var correction2: S
  /// Factor of the gradient (clipping).
  public var gradientScale: S

  /// All constants of a step.
  public init(
    rate: S, beta1: S, beta2: S, epsilon: S, decay: S, correction1: S, correction2: S,
    gradientScale: S
  ) {
    (self.rate, self.beta1, self.beta2) = (rate, beta1, beta2)
    (self.epsilon, self.decay) = (epsilon, decay)
    (self.correction1, self.correction2) = (correction1, correction2)
    self.gradientScale = gradientScale
  }
}
