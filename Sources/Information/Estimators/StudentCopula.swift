import Foundation
import Kernels

/// Student's copula of pairs, see ``StudentInformation``.
struct StudentCopula {
  /// Degrees of freedom ν.
  let degrees: Double
  /// I(X;Y) in nats, bias subtracted.
  let information: Double
  private let pairs: PairedSamples
  private let fit: Fit

  /// - Throws: ``EstimationError`` for too few samples and for a singular dispersion.
  init(_ pairs: PairedSamples) throws {
    self.pairs = pairs
    let (dx, dy, count) = (pairs.x.dimension, pairs.y.dimension, pairs.count)
    guard count > 2 * (dx + dy) else {
      throw EstimationError(
        message: "a dispersion of \(dx + dy) dimensions needs more than \(2 * (dx + dy)) samples, "
          + "found \(count); take more samples, or kde or renyi")
    }
    let searched = Self.shares(StudentInformation.searched(pairs))
    var start: [Double]?
    degrees = StudentInformation.highest { degrees in
      guard let fit = Fit(searched, degrees, start) else { return -.infinity }
      start = fit.dispersion
      return fit.likelihood
    }
    guard let fit = Fit(Self.shares(pairs), degrees, start),
      let x = SymmetricMatrix.logDeterminant(fit.block(0..<dx), count: dx),
      let y = SymmetricMatrix.logDeterminant(fit.block(dx..<dx + dy), count: dy)
    else {
      throw EstimationError(
        message:
          "the dispersion of the samples is singular: a column is a function of others, so the "
          + "information is infinite or the column superfluous; leave it out")
    }
    self.fit = fit
    func f(_ a: Double) -> Double { lgamma(a / 2) - a / 2 * digamma(a / 2) }
    let shared =
      f(degrees) + f(degrees + Double(dx + dy)) - f(degrees + Double(dx)) - f(degrees + Double(dy))
    information =
      0.5 * (x + y - fit.logDeterminant) + shared - Double(dx * dy) / (2 * Double(count))
  }

  private static func shares(_ pairs: PairedSamples) -> [[Double]] {
    let joint = pairs.x.beside(pairs.y)
    return (0..<joint.dimension).map { Preprocessing.shares(joint.column($0)) }
  }

  /// Whether distances follow the distribution F(d, ν) of the model (Kolmogorov & Smirnov's largest gap), and the samples,
  /// whitened and with the lengths of normal ones in the place of their own, are normal.
  var holds: Bool {
    let (count, width) = (pairs.count, fit.width)
    let order = fit.distances.indices.sorted { fit.distances[$0] < fit.distances[$1] }
    var gap = 0.0
    for (place, row) in order.enumerated() {
      let q = fit.distances[row]
      let below = incompleteBeta(Double(width) / 2, degrees / 2, q / (q + degrees))
      gap = max(gap, abs(below - (Double(place) + 0.5) / Double(count)))
    }
    // The model's two parameters follow the samples, so that the usual 1.36 / √n would be rare; ranks loosen it again.
    guard gap < 1.6 / Double(count).squareRoot(),
      let (values, vectors) = SymmetricMatrix.eigenvectors(fit.dispersion, count: width)
    else { return false }
    var root = [Double](repeating: 0, count: width * width)
    for (k, value) in values.enumerated() {
      for i in 0..<width {
        for j in 0..<width {
          root[i * width + j] +=
            vectors[k * width + i] * vectors[k * width + j] / value.squareRoot()
        }
      }
    }
    var white = Fit.product(fit.scores, root, count, width)
    for (place, row) in order.enumerated() {
      let length = chiSquareQuantile((Double(place) + 0.5) / Double(count), Double(width))
      let factor = (length / max(fit.distances[row], 1e-300)).squareRoot()
      for column in 0..<width { white[row * width + column] *= factor }
    }
    let dx = pairs.x.dimension
    let joint = SampleMatrix(trusted: count, white)
    return NormalityCheck.holds(
      PairedSamples(
        trusted: SampleMatrix(columns: (0..<dx).map(joint.column)),
        SampleMatrix(columns: (dx..<width).map(joint.column))))
  }

  /// Dispersion, distances and likelihood for given degrees.
  struct Fit {
    let width: Int
    /// Quantiles `[sample, column]`.
    let scores: [Double]
    private(set) var dispersion: [Double]
    private(set) var logDeterminant = 0.0
    private(set) var distances: [Double] = []
    /// Mean of the logarithm of the copula's density.
    private(set) var likelihood = 0.0

    /// Nil when a dispersion is singular.
    init?(_ shares: [[Double]], _ degrees: Double, _ start: [Double]?) {
      let (width, count) = (shares.count, shares[0].count)
      self.width = width
      let table = StudentQuantile(degrees)
      var scores = [Double](repeating: 0, count: count * width)
      for (column, values) in shares.enumerated() {
        for row in 0..<count { scores[row * width + column] = table[values[row]] }
      }
      self.scores = scores
      dispersion = [Double](repeating: 0, count: width * width)
      for i in 0..<width { dispersion[i * width + i] = 1 }
      if let start { dispersion = start }
      for _ in 0..<60 {
        guard update() else { return nil }
        let weights = distances.map { (degrees + Double(width)) / (degrees + $0) }
        var weighted = scores
        for row in 0..<count {
          for column in 0..<width { weighted[row * width + column] *= weights[row] }
        }
        let next = Self.correlation(Self.product(weighted, scores, count, width, transposed: true))
        let change = zip(next, dispersion).reduce(0) { max($0, abs($1.0 - $1.1)) }
        dispersion = next
        if change < 1e-5 { break }
      }
      guard update() else { return nil }
      let d = Double(width)
      func constant(_ size: Double) -> Double {
        lgamma((degrees + size) / 2) - lgamma(degrees / 2) - size / 2 * log(degrees * .pi)
      }
      let joint =
        constant(d) - 0.5 * logDeterminant
        - (degrees + d) / 2 * distances.reduce(0) { $0 + log1p($1 / degrees) } / Double(count)
      let margins = scores.reduce(0) { $0 + log1p($1 * $1 / degrees) } / Double(count)
      likelihood = joint - d * constant(1) + (degrees + 1) / 2 * margins
    }

    private mutating func update() -> Bool {
      guard let (inverse, logarithm) = SymmetricMatrix.inverse(dispersion, count: width) else {
        return false
      }
      logDeterminant = logarithm
      let count = scores.count / width
      let turned = Self.product(scores, inverse, count, width)
      distances = (0..<count).map { row in
        (0..<width).reduce(0) { $0 + turned[row * width + $1] * scores[row * width + $1] }
      }
      return true
    }

    func block(_ range: Range<Int>) -> [Double] {
      range.flatMap { row in range.map { dispersion[row * width + $0] } }
    }

    private static func correlation(_ matrix: [Double]) -> [Double] {
      let width = Int(Double(matrix.count).squareRoot())
      let scales = (0..<width).map { 1 / max(matrix[$0 * width + $0], 1e-300).squareRoot() }
      return matrix.indices.map { matrix[$0] * scales[$0 / width] * scales[$0 % width] }
    }

    /// a b of `[count, width]` and `[width, width]`, or aᵀ b of two `[count, width]`.
    static func product(
      _ a: [Double], _ b: [Double], _ count: Int, _ width: Int, transposed: Bool = false
    ) -> [Double] {
      var c = [Double](repeating: 0, count: (transposed ? width : count) * width)
      Double.gemm(
        MatrixProduct(
          m: transposed ? width : count, n: width, k: transposed ? count : width, alpha: 1, a: a,
          lda: width, transposeA: transposed, b: b, ldb: width, beta: 0, c: &c, ldc: width))
      return c
    }
  }
}

/// Quantiles of Student's distribution: with x = √ν / tan δ the upper tail is ½ ∫₀^δ sin^(ν-1) / ∫₀^(π/2) sin^(ν-1), tabulated over
/// ln δ, in which its logarithm is nearly a line.
package struct StudentQuantile {
  private let degrees: Double
  private var logTails: [Double] = []
  private static let (low, count) = (-24.0, 3000)
  private static var step: Double { (log(Double.pi / 2) - low) / Double(count) }

  package init(_ degrees: Double) {
    self.degrees = degrees
    func slope(_ place: Double) -> Double {
      let delta = exp(Self.low + place * Self.step)
      return exp((degrees - 1) * log(sin(delta))) * delta
    }
    var sum = exp(degrees * Self.low) / degrees
    logTails.append(log(sum))
    for place in 0..<Self.count {
      let p = Double(place)
      sum += Self.step / 6 * (slope(p) + 4 * slope(p + 0.5) + slope(p + 1))
      logTails.append(log(sum))
    }
    let whole = logTails[Self.count] + log(2)
    for place in logTails.indices { logTails[place] -= whole }
  }

  /// The value with this share below it.
  package subscript(share: Double) -> Double {
    let tail = log(min(share, 1 - share))
    var (low, high) = (0, Self.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if logTails[middle] < tail { low = middle } else { high = middle }
    }
    let part = min(1, max(0, (tail - logTails[low]) / (logTails[high] - logTails[low])))
    let delta = exp(Self.low + (Double(low) + part) * Self.step)
    let value = degrees.squareRoot() / tan(delta)
    return share < 0.5 ? -value : value
  }
}

/// Regularised incomplete beta function I_x(a, b) by its continued fraction (Abramowitz & Stegun 26.5.8), 200 terms of it
/// from the last to the first.
package func incompleteBeta(_ a: Double, _ b: Double, _ x: Double) -> Double {
  guard x > 0, x < 1 else { return x <= 0 ? 0 : 1 }
  // The fraction converges fast below the mean; beyond, by symmetry.
  if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(b, a, 1 - x) }
  var fraction = 1.0
  for step in (1...200).reversed() {
    let m = Double(step / 2)
    let term =
      step % 2 == 0
      ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    fraction = 1 + term / fraction
  }
  let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
  return front / fraction
}

/// χ² with this share below it, by Wilson & Hilferty's cube (1931): within a percent from three degrees of freedom on.
package func chiSquareQuantile(_ share: Double, _ degrees: Double) -> Double {
  let part = 2 / (9 * degrees)
  let root = max(0, 1 - part + normalQuantile(share) * part.squareRoot())
  return degrees * root * root * root
}
