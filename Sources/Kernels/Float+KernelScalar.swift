import Arrays
import COpenBLAS
import Foundation

/// Single precision: OpenBLAS for the matrix product, 16-lane loops for the rest.
extension Float: KernelScalar {
  /// `cblas_sgemm`.
  public static func gemm(_ p: MatrixProduct<Float>) {
    cblas_sgemm(
      CblasRowMajor, p.transposeA ? CblasTrans : CblasNoTrans,
      p.transposeB ? CblasTrans : CblasNoTrans, blasint(p.m), blasint(p.n), blasint(p.k), p.alpha,
      p.a, blasint(p.lda), p.b, blasint(p.ldb), p.beta, p.c, blasint(p.ldc))
  }

  /// One pass for the maximum, one for the exponentials and their sum, one to divide.
  public static func softmax(
    _ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, scale: Float
  ) {
    let whole = columns & ~15
    let rest = columns - whole
    let factor = Vector16(repeating: scale)
    for r in 0..<rows {
      let row = x + r * columns
      var tail = Vector16(repeating: -.infinity)
      if rest > 0 { tail = Vector16.load(row + whole, count: rest, pad: -.infinity) }
      // A negative scale would turn the padding into +∞; callers pass 1/√d.
      tail = tail * factor
      var top = tail
      for c in stride(from: 0, to: whole, by: 16) {
        top = top.larger(Vector16.load(row + c) * factor)
      }
      let shift = Vector16(repeating: -top.greatest)
      var sum = Vector16.zero
      for c in stride(from: 0, to: whole, by: 16) {
        let e = Vector16.load(row + c).fma(factor, shift).exponential
        e.store(row + c)
        sum += e
      }
      if rest > 0 {
        tail = (tail + shift).exponential
        for lane in rest..<16 { tail[lane] = 0 }
        sum += tail
      }
      let inverse = Vector16(repeating: 1 / sum.total)
      for c in stride(from: 0, to: whole, by: 16) {
        (Vector16.load(row + c) * inverse).store(row + c)
      }
      if rest > 0 { (tail * inverse).store(row + whole, count: rest) }
    }
  }

  /// Vector form of the plain loop.
  public static func softmaxGradient(
    map a: UnsafePointer<Float>, _ d: UnsafeMutablePointer<Float>, rows: Int, columns: Int,
    scale: Float
  ) {
    let whole = columns & ~15
    let factor = Vector16(repeating: scale)
    for r in 0..<rows {
      let (a, d) = (a + r * columns, d + r * columns)
      var partial = Vector16.zero
      for c in stride(from: 0, to: whole, by: 16) {
        partial = Vector16.load(a + c).fma(Vector16.load(d + c), partial)
      }
      var dot = partial.total
      for c in whole..<columns { dot += a[c] * d[c] }
      let shift = Vector16(repeating: dot)
      for c in stride(from: 0, to: whole, by: 16) {
        (factor * Vector16.load(a + c) * (Vector16.load(d + c) - shift)).store(d + c)
      }
      for c in whole..<columns { d[c] = scale * a[c] * (d[c] - dot) }
    }
  }

  /// Vector form of the plain loop; rows whose width is not a multiple of 16 take the plain one.
  public static func layerNorm(
    _ x: UnsafePointer<Float>, gain: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>, mean: UnsafeMutablePointer<Float>,
    inverse: UnsafeMutablePointer<Float>, rows: Int, width: Int, epsilon: Float
  ) {
    guard width % 16 == 0 else {
      return PlainKernels.layerNorm(
        x, gain: gain, bias: bias, to: y, mean: mean, inverse: inverse, rows: rows, width: width,
        epsilon: epsilon)
    }
    for r in 0..<rows {
      let (x, y) = (x + r * width, y + r * width)
      var sum = Vector16.zero
      for c in stride(from: 0, to: width, by: 16) { sum += Vector16.load(x + c) }
      let average = sum.total / Float(width)
      let shift = Vector16(repeating: average)
      var square = Vector16.zero
      for c in stride(from: 0, to: width, by: 16) {
        let centred = Vector16.load(x + c) - shift
        square = centred.fma(centred, square)
      }
      let factor = 1 / (square.total / Float(width) + epsilon).squareRoot()
      let spread = Vector16(repeating: factor)
      for c in stride(from: 0, to: width, by: 16) {
        let normal = (Vector16.load(x + c) - shift) * spread
        normal.fma(Vector16.load(gain + c), Vector16.load(bias + c)).store(y + c)
      }
      mean[r] = average
      inverse[r] = factor
    }
  }

  /// Vector form of the plain loop; rows whose width is not a multiple of 16 take the plain one.
  public static func layerNormGradient(
    _ x: UnsafePointer<Float>, gain: UnsafePointer<Float>, mean: UnsafePointer<Float>,
    inverse: UnsafePointer<Float>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>,
    gainGradient: UnsafeMutablePointer<Float>, biasGradient: UnsafeMutablePointer<Float>,
    rows: Int, width: Int
  ) {
    guard width % 16 == 0 else {
      return PlainKernels.layerNormGradient(
        x, gain: gain, mean: mean, inverse: inverse, dy: dy, dx: dx, gainGradient: gainGradient,
        biasGradient: biasGradient, rows: rows, width: width)
    }
    for r in 0..<rows {
      let (x, dy, dx) = (x + r * width, dy + r * width, dx + r * width)
      let (shift, spread) = (Vector16(repeating: mean[r]), Vector16(repeating: inverse[r]))
      var sum = Vector16.zero
      var dot = Vector16.zero
      for c in stride(from: 0, to: width, by: 16) {
        let normal = (Vector16.load(x + c) - shift) * spread
        let slope = Vector16.load(dy + c)
        let scaled = slope * Vector16.load(gain + c)
        sum += scaled
        dot = scaled.fma(normal, dot)
        slope.fma(normal, Vector16.load(gainGradient + c)).store(gainGradient + c)
        (slope + Vector16.load(biasGradient + c)).store(biasGradient + c)
      }
      let average = Vector16(repeating: sum.total / Float(width))
      let slant = Vector16(repeating: dot.total / Float(width))
      for c in stride(from: 0, to: width, by: 16) {
        let normal = (Vector16.load(x + c) - shift) * spread
        let scaled = Vector16.load(dy + c) * Vector16.load(gain + c)
        let slope = (scaled - average - normal * slant) * spread
        (Vector16.load(dx + c) + slope).store(dx + c)
      }
    }
  }

  /// Vector form of the plain loop; Φ to 8e-8 absolute.
  public static func biasGELU(
    _ h: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>,
    to y: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    guard width % 16 == 0 else {
      return PlainKernels.biasGELU(h, bias: bias, to: y, rows: rows, width: width)
    }
    for r in 0..<rows {
      let (h, y) = (h + r * width, y + r * width)
      for c in stride(from: 0, to: width, by: 16) {
        let x = Vector16.load(h + c) + Vector16.load(bias + c)
        x.store(h + c)
        (x * x.gaussian.cumulative).store(y + c)
      }
    }
  }

  /// Vector form of the plain loop.
  public static func geluGradient(
    _ h: UnsafePointer<Float>, _ d: UnsafeMutablePointer<Float>, count: Int
  ) {
    let whole = count & ~15
    let density = Vector16(repeating: 0.398_942_28)
    for i in stride(from: 0, to: whole, by: 16) {
      let x = Vector16.load(h + i)
      let parts = x.gaussian
      let slope = (x * density).fma(parts.bell, parts.cumulative)
      (Vector16.load(d + i) * slope).store(d + i)
    }
    PlainKernels.geluGradient(h + whole, d + whole, count: count - whole)
  }

  /// Vector form of the plain loop; rows whose width is not a multiple of 16 take the plain one.
  public static func rmsNorm(
    _ x: UnsafePointer<Float>, gain: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>,
    inverse: UnsafeMutablePointer<Float>, rows: Int, width: Int, epsilon: Float
  ) {
    guard width % 16 == 0 else {
      return PlainKernels.rmsNorm(
        x, gain: gain, to: y, inverse: inverse, rows: rows, width: width, epsilon: epsilon)
    }
    for r in 0..<rows {
      let (x, y) = (x + r * width, y + r * width)
      var square = Vector16.zero
      for c in stride(from: 0, to: width, by: 16) {
        let value = Vector16.load(x + c)
        square = value.fma(value, square)
      }
      let factor = 1 / (square.total / Float(width) + epsilon).squareRoot()
      let spread = Vector16(repeating: factor)
      for c in stride(from: 0, to: width, by: 16) {
        (Vector16.load(x + c) * spread * Vector16.load(gain + c)).store(y + c)
      }
      inverse[r] = factor
    }
  }

  /// Vector form of the plain loop; rows whose width is not a multiple of 16 take the plain one.
  public static func rmsNormGradient(
    _ x: UnsafePointer<Float>, gain: UnsafePointer<Float>, inverse: UnsafePointer<Float>,
    dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>,
    gainGradient: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    guard width % 16 == 0 else {
      return PlainKernels.rmsNormGradient(
        x, gain: gain, inverse: inverse, dy: dy, dx: dx, gainGradient: gainGradient, rows: rows,
        width: width)
    }
    for r in 0..<rows {
      let (x, dy, dx) = (x + r * width, dy + r * width, dx + r * width)
      let spread = Vector16(repeating: inverse[r])
      var dot = Vector16.zero
      for c in stride(from: 0, to: width, by: 16) {
        let normal = Vector16.load(x + c) * spread
        let slope = Vector16.load(dy + c)
        dot = (slope * Vector16.load(gain + c)).fma(normal, dot)
        slope.fma(normal, Vector16.load(gainGradient + c)).store(gainGradient + c)
      }
      let slant = Vector16(repeating: dot.total / Float(width))
      for c in stride(from: 0, to: width, by: 16) {
        let normal = Vector16.load(x + c) * spread
        let scaled = Vector16.load(dy + c) * Vector16.load(gain + c)
        (Vector16.load(dx + c) + (scaled - normal * slant) * spread).store(dx + c)
      }
    }
  }

  /// Vector form of the plain loop.
  public static func swiGLU(
    gate g: UnsafePointer<Float>, _ u: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>,
    count: Int
  ) {
    let whole = count & ~15
    let one = Vector16(repeating: 1)
    for i in stride(from: 0, to: whole, by: 16) {
      let x = Vector16.load(g + i)
      (x / (one + (-x).exponential) * Vector16.load(u + i)).store(y + i)
    }
    PlainKernels.swiGLU(gate: g + whole, u + whole, to: y + whole, count: count - whole)
  }

  /// Vector form of the plain loop.
  public static func swiGLUGradient(
    gate g: UnsafePointer<Float>, _ u: UnsafePointer<Float>, _ d: UnsafeMutablePointer<Float>,
    dGate: UnsafeMutablePointer<Float>, count: Int
  ) {
    let whole = count & ~15
    let one = Vector16(repeating: 1)
    for i in stride(from: 0, to: whole, by: 16) {
      let (x, slope) = (Vector16.load(g + i), Vector16.load(d + i))
      let sigma = one / (one + (-x).exponential)
      (slope * Vector16.load(u + i) * sigma * x.fma(one - sigma, one)).store(dGate + i)
      (slope * x * sigma).store(d + i)
    }
    PlainKernels.swiGLUGradient(
      gate: g + whole, u + whole, d + whole, dGate: dGate + whole, count: count - whole)
  }

  /// The plain loop: it has no reduction, so the compiler vectorises it.
  public static func adamW(
    _ weights: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
    first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, count: Int,
    _ step: AdamWStep<Float>
  ) {
    PlainKernels.adamW(
      weights, gradient: gradient, first: first, second: second, count: count, step)
  }

  /// libm's exp.
  public static func exponential(_ x: Float) -> Float { exp(x) }
  /// libm's log.
  public static func logarithm(_ x: Float) -> Float { log(x) }
  /// libm's erf.
  public static func errorFunction(_ x: Float) -> Float { erf(x) }
}
