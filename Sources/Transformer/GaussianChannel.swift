import Kernels

/// The Gaussian channel of a variational bottleneck, z = u + σ ε, and the bound on I(X;Z) that it gives (Alemi et al. 2017,
/// eq. 17): the mean over samples of Σ ½ (u² + σ² - ln σ² - 1), over positions and channels, in nats.
///
/// Only training steps pass it; evaluation and capture see u itself. What does not hold: the bound is loose wherever the
/// stream is not distributed as N(0, 1).
struct GaussianChannel<S: KernelScalar> {
  /// ε `[row, channel]`; filled before a noisy forward pass.
  let noise: UnsafeMutablePointer<S>

  init(_ arena: inout Arena<S>, _ shape: BatchShape) { noise = arena.take(shape.stream) }

  /// Draws ε anew.
  func draw(_ random: inout Philox, count: Int) {
    for i in 0..<count { noise[i] = S(random.normal()) }
  }

  /// Adds the noise to the stream; returns the sum of the bound over rows.
  func forward(
    _ logSigma: UnsafePointer<S>, _ stream: UnsafeMutablePointer<S>, rows: Int, width: Int
  ) -> Double {
    var bound = 0.0
    for c in 0..<width {
      let sigma = S.exponential(logSigma[c])
      bound += Double(rows) * 0.5 * Double(sigma * sigma - 2 * logSigma[c] - 1)
    }
    for row in 0..<rows {
      let (u, e) = (stream + row * width, noise + row * width)
      for c in 0..<width {
        bound += 0.5 * Double(u[c] * u[c])
        u[c] += S.exponential(logSigma[c]) * e[c]
      }
    }
    return bound
  }

  /// Turns the gradient at z into that at u, in place, and adds that of ln σ; `factor` weights the bound of one sample.
  func backward(
    _ logSigma: UnsafePointer<S>, z: UnsafePointer<S>, _ d: UnsafeMutablePointer<S>,
    gradient: UnsafeMutablePointer<S>, rows: Int, width: Int, factor: S
  ) {
    for c in 0..<width {
      let sigma = S.exponential(logSigma[c])
      gradient[c] += factor * S(rows) * (sigma * sigma - 1)
    }
    for row in 0..<rows {
      let place = row * width
      for c in 0..<width {
        let shift = S.exponential(logSigma[c]) * noise[place + c]
        gradient[c] += d[place + c] * shift
        d[place + c] += factor * (z[place + c] - shift)
      }
    }
  }
}
