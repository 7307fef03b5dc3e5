import Foundation
import Kernels

/// Distributions on which estimators fail: what `auto` must answer or flag.
extension KnownTruth {
  /// The harder distributions of Czyż et al. (2023) and others: curved and twisted images of normal ones, heavy tails,
  /// mixtures, and values that were rounded or counted.
  public static let panel: [KnownTruth] = curved + spirals + students + recorded

  // MARK: - Images

  /// The normal distribution function.
  @Sendable static func normalShare(_ value: Double) -> Double {
    0.5 * erfc(-value / 2.0.squareRoot())
  }

  private static func each(
    _ f: @escaping @Sendable (Double) -> Double
  ) -> @Sendable ([Double]) -> [Double] {
    { $0.map(f) }
  }

  /// Two of the components of each side share a normal part of four times their own variance, 1.0217 nats, as in the
  /// benchmark of Czyż et al.: the active components have variance 5, the others 1.
  package static func sharedPairs(_ dimension: Int) -> KnownTruth {
    let base = sparseNormal(dimension, active: 2, rho: 0.8)
    let widen: @Sendable ([Double]) -> [Double] = { values in
      values.enumerated().map { $0.offset < 2 ? 5.0.squareRoot() * $0.element : $0.element }
    }
    return base.image("normal \(dimension) + \(dimension), 2 shared parts", widen, widen)
  }

  /// Rotation in the plane of two components by `speed` |x|²: a diffeomorphism.
  static func twist(_ a: Int, _ b: Int, speed: Double) -> @Sendable ([Double]) -> [Double] {
    { values in
      let angle = speed * values.reduce(0) { $0 + $1 * $1 }
      var result = values
      result[a] = cos(angle) * values[a] - sin(angle) * values[b]
      result[b] = sin(angle) * values[a] + cos(angle) * values[b]
      return result
    }
  }

  /// A base of three dimensions or more, twisted in planes 0-1 of x and 1-2 of y.
  package static func twisted(_ base: KnownTruth, _ dimension: Int) -> KnownTruth {
    let speed = 1 / Double(dimension)
    return base.image(
      "spiral of \(base.name)", twist(0, 1, speed: speed), twist(1, 2, speed: speed))
  }

  private static let curved: [KnownTruth] = {
    let normal = sparseNormal(1, active: 1, rho: 0.75)
    let bimodalX = each { quantile(normalShare($0), [(0.3, 0), (0.7, 5)]) }
    let bimodalY = each { quantile(normalShare($0), [(0.5, -1), (0.5, 3)]) }
    let half = each { $0 < 0 ? -pow(-$0, 1.5) : pow($0, 1.5) }
    let wiggleX = each {
      $0 + 0.4 * sin($0) + 0.2 * sin(1.7 * $0 + 1) + 0.03 * sin(3.3 * $0 - 2.5)
    }
    let wiggleY = each {
      $0 - 0.4 * sin(0.4 * $0) + 0.17 * sin(1.3 * $0 + 3.5) + 0.02 * sin(4.3 * $0 - 2.5)
    }
    let images = [
      normal.image("uniform margins of normal, ρ = 0.75", each(normalShare), each(normalShare)),
      normal.image("two humps of normal, ρ = 0.75", bimodalX, bimodalY),
      normal.image("wiggles of normal, ρ = 0.75", wiggleX, wiggleY),
    ]
    return images
      + [3, 5, 25].flatMap { dimension in
        let base = sharedPairs(dimension)
        return [
          base.image("uniform margins of \(base.name)", each(normalShare), each(normalShare)),
          base.image("half-cube of \(base.name)", half, half),
        ]
      }
  }()

  private static let spirals: [KnownTruth] = [3, 5, 25].flatMap { dimension in
    let base = sharedPairs(dimension)
    let uniform = base.image(
      "uniform margins of \(base.name)", each(normalShare), each(normalShare))
    return [twisted(base, dimension), twisted(uniform, dimension)]
  }

  /// Where a mixture of unit normals of given shares and means has this share below it.
  private static func quantile(_ share: Double, _ parts: [(share: Double, mean: Double)]) -> Double
  {
    var (low, high) = (-12.0, 18.0)
    for _ in 0..<60 {
      let middle = 0.5 * (low + high)
      let below = parts.reduce(0) { $0 + $1.share * normalShare(middle - $1.mean) }
      if below < share { low = middle } else { high = middle }
    }
    return 0.5 * (low + high)
  }

  // MARK: - Heavy tails

  /// Student's distribution of unit dispersion: independent but for the common scale.
  ///
  /// I = f(ν) + f(ν + 2d) - 2 f(ν + d), f(x) = ln Γ(x/2) - x/2 ψ(x/2) (Arellano-Valle et al. 2013).
  package static func student(_ dimension: Int, degrees: Int) -> KnownTruth {
    func f(_ x: Int) -> Double {
      lgamma(Double(x) / 2) - Double(x) / 2 * digamma(Double(x) / 2)
    }
    return KnownTruth(
      "Student \(dimension) + \(dimension), \(degrees) degrees of freedom",
      f(degrees) + f(degrees + 2 * dimension) - 2 * f(degrees + dimension)
    ) { count, random in
      pairs(count, &random) { random in
        let squares = (0..<degrees).reduce(0.0) { sum, _ in
          let value = random.normal()
          return sum + value * value
        }
        let scale = (squares / Double(degrees)).squareRoot()
        return (
          (0..<dimension).map { _ in random.normal() / scale },
          (0..<dimension).map { _ in random.normal() / scale }
        )
      }
    }
  }

  private static let students: [KnownTruth] = {
    let short = each { asinh($0) }
    let heavy = [(2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3)].map {
      student($0.0, degrees: $0.1)
    }
    return heavy
      + [(1, 1), (2, 1), (3, 2), (5, 2)].map {
        let base = student($0.0, degrees: $0.1)
        return base.image("asinh of \(base.name)", short, short)
      }
  }()

  // MARK: - As values are written down

  /// Both sides of a normal pair rounded to multiples of `step`; the truth is that of the rounded values, summed over their
  /// cells.
  public static func rounded(rho: Double, step: Double) -> KnownTruth {
    let base = sparseNormal(1, active: 1, rho: rho)
    let round = each { (($0 / step).rounded()) * step }
    let image = base.image("normal 1 + 1 at \(rho), rounded to \(step)", round, round)
    return KnownTruth(image.name, roundedInformation(rho: rho, step: step), image.draw)
  }

  /// Σ p ln p/(p_x p_y) over the cells of a bivariate normal distribution cut into squares.
  static func roundedInformation(rho: Double, step: Double) -> Double {
    let reach = Int((8 / step).rounded(.up))
    let noise = (1 - rho * rho).squareRoot()
    let parts = 24
    func cell(_ place: Int) -> Double {
      normalShare((Double(place) + 0.5) * step) - normalShare((Double(place) - 0.5) * step)
    }
    let margin = (-reach...reach).map(cell)
    var total = 0.0
    for x in -reach...reach {
      let own = margin[x + reach]
      guard own > 1e-14 else { continue }
      // P(y | x in its cell) by the midpoint rule over the cell.
      var line = [Double](repeating: 0, count: 2 * reach + 1)
      for part in 0..<parts {
        let value = (Double(x) - 0.5 + (Double(part) + 0.5) / Double(parts)) * step
        let weight =
          exp(-value * value / 2) / (2 * Double.pi).squareRoot() * step / Double(parts)
        var below = normalShare(((-Double(reach) - 0.5) * step - rho * value) / noise)
        for y in -reach...reach {
          let next = normalShare(((Double(y) + 0.5) * step - rho * value) / noise)
          line[y + reach] += weight * (next - below)
          below = next
        }
      }
      for y in 0...2 * reach where line[y] > 1e-16 && margin[y] > 1e-16 {
        total += line[y] * log(line[y] / (own * margin[y]))
      }
    }
    return total
  }

  /// A class of `count` beside a normal value whose mean is `apart` times the class; `codes` are what the classes are
  /// called.
  public static func classes(_ codes: [Double], apart: Double) -> KnownTruth {
    let count = codes.count
    let truth = classInformation(count, apart)
    return KnownTruth("\(count) classes \(apart) apart, called \(codes)", truth) { n, random in
      pairs(n, &random) { random in
        let label = min(count - 1, Int(random.uniform() * Double(count)))
        return ([apart * Double(label) + random.normal()], [codes[label]])
      }
    }
  }

  /// H(X) - H(X|class) of equally likely unit normals, by the trapezium rule.
  private static func classInformation(_ count: Int, _ apart: Double) -> Double {
    let (low, high, steps) = (-9.0, 9 + apart * Double(count - 1), 40_000)
    let width = (high - low) / Double(steps)
    var entropy = 0.0
    for step in 0...steps {
      let x = low + Double(step) * width
      let density =
        (0..<count).reduce(0.0) {
          let d = x - apart * Double($1)
          return $0 + exp(-d * d / 2)
        } / (Double(count) * (2 * Double.pi).squareRoot())
      if density > 0 { entropy -= density * log(density) * width }
    }
    return entropy - 0.5 * log(2 * Double.pi * M_E)
  }

  /// A normal pair of which one side is cut to 0 below its median: half of its values are the same.
  static let censored: KnownTruth = {
    let base = sparseNormal(1, active: 1, rho: 0.8)
    // I(X; max(Y, 0)) by quadrature: the discrete part, P(Y < 0 | x), and the normal part above.
    let (rho, noise) = (0.8, 0.6)
    var total = 0.0
    let width = 0.005
    for i in -1800...1800 {
      let x = Double(i) * width
      let weight = exp(-x * x / 2) / (2 * Double.pi).squareRoot() * width
      let below = normalShare(-rho * x / noise)
      if below > 1e-300 { total += weight * below * log(below / 0.5) }
      for j in 0..<1800 {
        let y = (Double(j) + 0.5) * width
        let d = (y - rho * x) / noise
        let given = exp(-d * d / 2) / (2 * Double.pi).squareRoot() / noise
        let own = exp(-y * y / 2) / (2 * Double.pi).squareRoot()
        if given > 1e-300 { total += weight * given * width * log(given / own) }
      }
    }
    return KnownTruth("normal 1 + 1 at 0.8, y cut to 0 below 0", total) { count, random in
      let (x, y) = base.draw(count, &random)
      return (x, y.map { max($0, 0) })
    }
  }()

  private static let recorded: [KnownTruth] =
    [rounded(rho: 0.9, step: 0.1), rounded(rho: 0.6, step: 1.0 / 15), rounded(rho: 0.9, step: 1)]
    + [classes([1, 2, 3, 4], apart: 3), classes([1, 2, 3, 1e6], apart: 3), censored]
}
