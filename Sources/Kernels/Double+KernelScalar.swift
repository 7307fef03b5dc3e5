import Arrays
import COpenBLAS
import Foundation

/// Double precision runs the plain loops, but for the matrix product: it serves gradient checks and references.
extension Double: KernelScalar {
  /// `cblas_dgemm`.
  public static func gemm(_ p: MatrixProduct<Double>) {
    cblas_dgemm(
      CblasRowMajor, p.transposeA ? CblasTrans : CblasNoTrans,
      p.transposeB ? CblasTrans : CblasNoTrans, blasint(p.m), blasint(p.n), blasint(p.k), p.alpha,
      p.a, blasint(p.lda), p.b, blasint(p.ldb), p.beta, p.c, blasint(p.ldc))
  }

  /// The plain loop.
  public static func softmax(
    _ x: UnsafeMutablePointer<Double>, rows: Int, columns: Int, scale: Double
  ) { PlainKernels.softmax(x, rows: rows, columns: columns, scale: scale) }

  /// The plain loop.
  public static func softmaxGradient(
    map a: UnsafePointer<Double>, _ d: UnsafeMutablePointer<Double>, rows: Int, columns: Int,
    scale: Double
  ) { PlainKernels.softmaxGradient(map: a, d, rows: rows, columns: columns, scale: scale) }

  /// The plain loop.
  public static func layerNorm(
    _ x: UnsafePointer<Double>, gain: UnsafePointer<Double>, bias: UnsafePointer<Double>,
    to y: UnsafeMutablePointer<Double>, mean: UnsafeMutablePointer<Double>,
    inverse: UnsafeMutablePointer<Double>, rows: Int, width: Int, epsilon: Double
  ) {
    PlainKernels.layerNorm(
      x, gain: gain, bias: bias, to: y, mean: mean, inverse: inverse, rows: rows, width: width,
      epsilon: epsilon)
  }

  /// The plain loop.
  public static func layerNormGradient(
    _ x: UnsafePointer<Double>, gain: UnsafePointer<Double>, mean: UnsafePointer<Double>,
    inverse: UnsafePointer<Double>, dy: UnsafePointer<Double>, dx: UnsafeMutablePointer<Double>,
    gainGradient: UnsafeMutablePointer<Double>, biasGradient: UnsafeMutablePointer<Double>,
    rows: Int, width: Int
  ) {
    PlainKernels.layerNormGradient(
      x, gain: gain, mean: mean, inverse: inverse, dy: dy, dx: dx, gainGradient: gainGradient,
      biasGradient: biasGradient, rows: rows, width: width)
  }

  /// The plain loop.
  public static func biasGELU(
    _ h: UnsafeMutablePointer<Double>, bias: UnsafePointer<Double>,
    to y: UnsafeMutablePointer<Double>, rows: Int, width: Int
  ) { PlainKernels.biasGELU(h, bias: bias, to: y, rows: rows, width: width) }

  /// The plain loop.
  public static func geluGradient(
    _ h: UnsafePointer<Double>, _ d: UnsafeMutablePointer<Double>, count: Int
  ) { PlainKernels.geluGradient(h, d, count: count) }

  /// The plain loop.
  public static func adamW(
    _ weights: UnsafeMutablePointer<Double>, gradient: UnsafePointer<Double>,
    first: UnsafeMutablePointer<Double>, second: UnsafeMutablePointer<Double>, count: Int,
    _ step: AdamWStep<Double>
  ) {
    PlainKernels.adamW(
      weights, gradient: gradient, first: first, second: second, count: count, step)
  }

  /// The plain loop.
  public static func rmsNorm(
    _ x: UnsafePointer<Double>, gain: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>,
    inverse: UnsafeMutablePointer<Double>, rows: Int, width: Int, epsilon: Double
  ) {
    PlainKernels.rmsNorm(
      x, gain: gain, to: y, inverse: inverse, rows: rows, width: width, epsilon: epsilon)
  }

  /// The plain loop.
  public static func rmsNormGradient(
    _ x: UnsafePointer<Double>, gain: UnsafePointer<Double>, inverse: UnsafePointer<Double>,
    dy: UnsafePointer<Double>, dx: UnsafeMutablePointer<Double>,
    gainGradient: UnsafeMutablePointer<Double>, rows: Int, width: Int
  ) {
    PlainKernels.rmsNormGradient(
      x, gain: gain, inverse: inverse, dy: dy, dx: dx, gainGradient: gainGradient, rows: rows,
      width: width)
  }

  /// The plain loop.
  public static func swiGLU(
    gate g: UnsafePointer<Double>, _ u: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>,
    count: Int
  ) { PlainKernels.swiGLU(gate: g, u, to: y, count: count) }

  /// The plain loop.
  public static func swiGLUGradient(
    gate g: UnsafePointer<Double>, _ u: UnsafePointer<Double>, _ d: UnsafeMutablePointer<Double>,
    dGate: UnsafeMutablePointer<Double>, count: Int
  ) { PlainKernels.swiGLUGradient(gate: g, u, d, dGate: dGate, count: count) }

  /// libm's exp.
  public static func exponential(_ x: Double) -> Double { exp(x) }
  /// libm's log.
  public static func logarithm(_ x: Double) -> Double { log(x) }
  /// libm's erf.
  public static func errorFunction(_ x: Double) -> Double { erf(x) }
}
