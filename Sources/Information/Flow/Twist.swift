import Foundation

/// A rotation of one plane by an angle that grows with the square of the length: a diffeomorphism of volume 1.
///
/// With u = e^s ∘ x + c, ϑ = |u|², and e₁, e₂ orthonormal, α = e₁·u, β = e₂·u:
///
///     z = u + ((cos ϑ - 1) α - sin ϑ β) e₁ + ((cos ϑ - 1) β + sin ϑ α) e₂
///
/// Scales s and centre c are learned, so that units, offsets and the speed of the rotation need not be known. As ϑ depends on
/// lengths alone, which the rotation keeps, it is undone by the rotation the other way; lines become spirals.
package struct Twist: Sendable {
  /// s, c, e₁, e₂, each `[column]`.
  package var logScale: [Double], centre: [Double], first: [Double], second: [Double]

  /// A twist; the plane need not be orthonormal before ``straighten()``.
  package init(logScale: [Double], centre: [Double], first: [Double], second: [Double]) {
    (self.logScale, self.centre, self.first, self.second) = (logScale, centre, first, second)
  }

  /// Number of columns.
  var dimension: Int { logScale.count }

  /// No rotation that could be seen.
  static func none(_ dimension: Int) -> Twist {
    var twist = Twist(
      logScale: [Double](repeating: -12, count: dimension),
      centre: [Double](repeating: 0, count: dimension),
      first: [Double](repeating: 0, count: dimension),
      second: [Double](repeating: 0, count: dimension))
    twist.first[0] = 1
    twist.second[1] = 1
    return twist
  }

  /// What ``gradient(_:_:_:)`` needs of a forward pass.
  package struct Pass {
    /// u and z, `[sample, column]`.
    package var u: [Double], z: [Double]
    /// cos ϑ - 1, sin ϑ, α and β, `[sample]`.
    var cosine: [Double], sine: [Double], alpha: [Double], beta: [Double]
  }

  /// Images of `x`, `[sample, column]`.
  package func pass(_ x: [Double]) -> Pass {
    let width = dimension
    let count = x.count / width
    let scale = logScale.map { exp($0) }
    var pass = Pass(
      u: x, z: x, cosine: [Double](repeating: 0, count: count),
      sine: [Double](repeating: 0, count: count), alpha: [Double](repeating: 0, count: count),
      beta: [Double](repeating: 0, count: count))
    for row in 0..<count {
      let start = row * width
      var (square, alpha, beta) = (0.0, 0.0, 0.0)
      for i in 0..<width {
        let u = x[start + i] * scale[i] + centre[i]
        pass.u[start + i] = u
        square += u * u
        alpha += first[i] * u
        beta += second[i] * u
      }
      let (c, s) = (cos(square) - 1, sin(square))
      (pass.cosine[row], pass.sine[row], pass.alpha[row], pass.beta[row]) = (c, s, alpha, beta)
      let (a, b) = (c * alpha - s * beta, c * beta + s * alpha)
      for i in 0..<width {
        pass.z[start + i] = pass.u[start + i] + a * first[i] + b * second[i]
      }
    }
    return pass
  }

  /// Derivatives by the parameters for those by z, `d`; of the plane only what turns it.
  package func gradient(_ x: [Double], _ pass: Pass, _ d: [Double]) -> Twist {
    let width = dimension
    let count = x.count / width
    var result = Twist(
      logScale: [Double](repeating: 0, count: width), centre: [Double](repeating: 0, count: width),
      first: [Double](repeating: 0, count: width), second: [Double](repeating: 0, count: width))
    for row in 0..<count {
      let start = row * width
      let (c, s, alpha, beta) = (
        pass.cosine[row], pass.sine[row], pass.alpha[row], pass.beta[row]
      )
      var (g1, g2) = (0.0, 0.0)
      for i in 0..<width {
        g1 += d[start + i] * first[i]
        g2 += d[start + i] * second[i]
      }
      let (dAlpha, dBeta) = (c * g1 + s * g2, c * g2 - s * g1)
      let dAngle = -s * (g1 * alpha + g2 * beta) + (c + 1) * (g2 * alpha - g1 * beta)
      let (a, b) = (c * alpha - s * beta, c * beta + s * alpha)
      for i in 0..<width {
        let (g, u) = (d[start + i], pass.u[start + i])
        result.first[i] += g * a + u * dAlpha
        result.second[i] += g * b + u * dBeta
        let dU = g + dAlpha * first[i] + dBeta * second[i] + 2 * dAngle * u
        result.centre[i] += dU
        result.logScale[i] += dU * x[start + i]
      }
    }
    for i in 0..<width { result.logScale[i] *= exp(logScale[i]) }
    let original = result
    for own in [first, second] {
      let along = Self.dot(own, original.first)
      let across = Self.dot(own, original.second)
      for i in 0..<width {
        result.first[i] -= along * own[i]
        result.second[i] -= across * own[i]
      }
    }
    return result
  }

  /// Makes e₁ and e₂ orthonormal, e₁ first.
  package mutating func straighten() {
    let length = Self.dot(first, first).squareRoot()
    first = first.map { $0 / max(length, 1e-300) }
    let along = Self.dot(first, second)
    second = zip(second, first).map { $0 - along * $1 }
    let rest = Self.dot(second, second).squareRoot()
    guard rest > 1e-9 else {
      // Parallel vectors span no plane: the column that e₁ has least of completes it.
      let place = first.indices.min { abs(first[$0]) < abs(first[$1]) } ?? 0
      second = first.indices.map { ($0 == place ? 1 : 0) - first[place] * first[$0] }
      let size = Self.dot(second, second).squareRoot()
      second = second.map { $0 / max(size, 1e-300) }
      return
    }
    second = second.map { $0 / rest }
  }

  package static func dot(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
