/// The plain loops: what each kernel means, for any scalar. Tests hold the fast ones against these.
public enum PlainKernels<S: KernelScalar> {
  /// The three nested loops of a matrix product.
  public static func gemm(_ p: MatrixProduct<S>) {
    for i in 0..<p.m {
      for j in 0..<p.n {
        var sum: S = 0
        for l in 0..<p.k {
          let a = p.transposeA ? p.a[l * p.lda + i] : p.a[i * p.lda + l]
          let b = p.transposeB ? p.b[j * p.ldb + l] : p.b[l * p.ldb + j]
          sum += a * b
        }
        let old = p.beta == 0 ? 0 : p.beta * p.c[i * p.ldc + j]
        p.c[i * p.ldc + j] = p.alpha * sum + old
      }
    }
  }

  /// Softmax by rows, shifted by the maximum so that no exponential overflows.
  public static func softmax(
    _ x: UnsafeMutablePointer<S>, rows: Int, columns: Int, scale: S
  ) {
    for r in 0..<rows {
      let row = x + r * columns
      var top = -S.infinity
      for c in 0..<columns { top = max(top, row[c] * scale) }
      var sum: S = 0
      for c in 0..<columns {
        row[c] = S.exponential(row[c] * scale - top)
        sum += row[c]
      }
      for c in 0..<columns { row[c] /= sum }
    }
  }

  /// Gradient of softmax by rows.
  public static func softmaxGradient(
    map a: UnsafePointer<S>, _ d: UnsafeMutablePointer<S>, rows: Int, columns: Int, scale: S
  ) {
    for r in 0..<rows {
      let (a, d) = (a + r * columns, d + r * columns)
      var dot: S = 0
      for c in 0..<columns { dot += a[c] * d[c] }
      for c in 0..<columns { d[c] = scale * a[c] * (d[c] - dot) }
    }
  }

  /// Layer normalisation with the two-pass variance.
  public static func layerNorm(
    _ x: UnsafePointer<S>, gain: UnsafePointer<S>, bias: UnsafePointer<S>,
    to y: UnsafeMutablePointer<S>, mean: UnsafeMutablePointer<S>,
    inverse: UnsafeMutablePointer<S>, rows: Int, width: Int, epsilon: S
  ) {
    for r in 0..<rows {
      let (x, y) = (x + r * width, y + r * width)
      var sum: S = 0
      for c in 0..<width { sum += x[c] }
      let average = sum / S(width)
      var square: S = 0
      for c in 0..<width { square += (x[c] - average) * (x[c] - average) }
      let factor = 1 / (square / S(width) + epsilon).squareRoot()
      for c in 0..<width { y[c] = gain[c] * ((x[c] - average) * factor) + bias[c] }
      mean[r] = average
      inverse[r] = factor
    }
  }

  /// Gradient of layer normalisation: with x̂ the normalised row and g = γ dy,
  /// dx = (g - mean(g) - x̂ mean(g x̂))/√(var + ε).
  public static func layerNormGradient(
    _ x: UnsafePointer<S>, gain: UnsafePointer<S>, mean: UnsafePointer<S>,
    inverse: UnsafePointer<S>, dy: UnsafePointer<S>, dx: UnsafeMutablePointer<S>,
    gainGradient: UnsafeMutablePointer<S>, biasGradient: UnsafeMutablePointer<S>,
    rows: Int, width: Int
  ) {
    for r in 0..<rows {
      let (x, dy, dx) = (x + r * width, dy + r * width, dx + r * width)
      let (average, factor) = (mean[r], inverse[r])
      var sum: S = 0
      var dot: S = 0
      for c in 0..<width {
        let normal = (x[c] - average) * factor
        sum += gain[c] * dy[c]
        dot += gain[c] * dy[c] * normal
        gainGradient[c] += dy[c] * normal
        biasGradient[c] += dy[c]
      }
      sum /= S(width)
      dot /= S(width)
      for c in 0..<width {
        let normal = (x[c] - average) * factor
        dx[c] += (gain[c] * dy[c] - sum - normal * dot) * factor
      }
    }
  }

  /// Bias and exact GELU, x Φ(x) (Hendrycks & Gimpel 2016).
  public static func biasGELU(
    _ h: UnsafeMutablePointer<S>, bias: UnsafePointer<S>, to y: UnsafeMutablePointer<S>,
    rows: Int, width: Int
  ) {
    for r in 0..<rows {
      for c in 0..<width {
        let x = h[r * width + c] + bias[c]
        h[r * width + c] = x
        y[r * width + c] = x * (1 + S.errorFunction(x * S(0.5).squareRoot())) / 2
      }
    }
  }

  /// GELU' = Φ(x) + x φ(x).
  public static func geluGradient(
    _ h: UnsafePointer<S>, _ d: UnsafeMutablePointer<S>, count: Int
  ) {
    let density = 1 / (2 * S.pi).squareRoot()
    for i in 0..<count {
      let x = h[i]
      let cumulative = (1 + S.errorFunction(x * S(0.5).squareRoot())) / 2
      d[i] *= cumulative + x * density * S.exponential(-x * x / 2)
    }
  }

  /// Root-mean-square normalisation.
  public static func rmsNorm(
    _ x: UnsafePointer<S>, gain: UnsafePointer<S>, to y: UnsafeMutablePointer<S>,
    inverse: UnsafeMutablePointer<S>, rows: Int, width: Int, epsilon: S
  ) {
    for r in 0..<rows {
      let (x, y) = (x + r * width, y + r * width)
      var square: S = 0
      for c in 0..<width { square += x[c] * x[c] }
      let factor = 1 / (square / S(width) + epsilon).squareRoot()
      for c in 0..<width { y[c] = gain[c] * (x[c] * factor) }
      inverse[r] = factor
    }
  }

  /// Gradient of root-mean-square normalisation: with x̂ the normalised row and g = γ dy,
  /// dx = (g - x̂ mean(g x̂))/√(mean x² + ε).
  public static func rmsNormGradient(
    _ x: UnsafePointer<S>, gain: UnsafePointer<S>, inverse: UnsafePointer<S>,
    dy: UnsafePointer<S>, dx: UnsafeMutablePointer<S>, gainGradient: UnsafeMutablePointer<S>,
    rows: Int, width: Int
  ) {
    for r in 0..<rows {
      let (x, dy, dx) = (x + r * width, dy + r * width, dx + r * width)
      let factor = inverse[r]
      var dot: S = 0
      for c in 0..<width {
        let normal = x[c] * factor
        dot += gain[c] * dy[c] * normal
        gainGradient[c] += dy[c] * normal
      }
      dot /= S(width)
      for c in 0..<width { dx[c] += (gain[c] * dy[c] - x[c] * factor * dot) * factor }
    }
  }

  /// SwiGLU, one element at a time.
  public static func swiGLU(
    gate g: UnsafePointer<S>, _ u: UnsafePointer<S>, to y: UnsafeMutablePointer<S>, count: Int
  ) {
    for i in 0..<count { y[i] = g[i] / (1 + S.exponential(-g[i])) * u[i] }
  }

  /// (g σ(g))' = σ(g) (1 + g (1 - σ(g))).
  public static func swiGLUGradient(
    gate g: UnsafePointer<S>, _ u: UnsafePointer<S>, _ d: UnsafeMutablePointer<S>,
    dGate: UnsafeMutablePointer<S>, count: Int
  ) {
    for i in 0..<count {
      let sigma = 1 / (1 + S.exponential(-g[i]))
      dGate[i] = d[i] * u[i] * sigma * (1 + g[i] * (1 - sigma))
      d[i] *= g[i] * sigma
    }
  }

  /// AdamW, one weight at a time.
  public static func adamW(
    _ weights: UnsafeMutablePointer<S>, gradient: UnsafePointer<S>,
    first: UnsafeMutablePointer<S>, second: UnsafeMutablePointer<S>, count: Int,
    _ step: AdamWStep<S>
  ) {
    for i in 0..<count {
      let g = gradient[i] * step.gradientScale
      first[i] = step.beta1 * first[i] + (1 - step.beta1) * g
      second[i] = step.beta2 * second[i] + (1 - step.beta2) * g * g
      let direction =
        (first[i] / step.correction1)
        / ((second[i] / step.correction2).squareRoot() + step.epsilon)
      weights[i] -= step.rate * (direction + step.decay * weights[i])
    }
  }
}
