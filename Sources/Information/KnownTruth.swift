import Foundation
import Kernels

/// A distribution of pairs whose mutual information is known, to prove estimators on.
public struct KnownTruth: Sendable {
  /// What it is.
  public let name: String
  /// I(X;Y) in nats.
  public let truth: Double
  let draw: @Sendable (Int, inout Philox) -> (x: [Double], y: [Double])

  init(
    _ name: String, _ truth: Double,
    _ draw: @escaping @Sendable (Int, inout Philox) -> (x: [Double], y: [Double])
  ) {
    (self.name, self.truth, self.draw) = (name, truth, draw)
  }

  /// `count` independent pairs.
  public func sample(_ count: Int, seed: UInt64) throws -> PairedSamples {
    var random = Philox(seed: seed, purpose: .noise, index: 1 << 24)
    let (x, y) = draw(count, &random)
    return try PairedSamples(
      SampleMatrix(count: count, values: x), SampleMatrix(count: count, values: y))
  }

  /// One pair a row, appended.
  static func pairs(
    _ count: Int, _ random: inout Philox,
    _ body: (inout Philox) -> (x: [Double], y: [Double])
  ) -> (x: [Double], y: [Double]) {
    var (x, y) = ([Double](), [Double]())
    for _ in 0..<count {
      let pair = body(&random)
      x += pair.x
      y += pair.y
    }
    return (x, y)
  }

  // MARK: - Normal

  /// Component i of X correlated `rho` with component i of Y for the first `active` of `dimension`: -½ active ln(1 - ρ²).
  public static func sparseNormal(_ dimension: Int, active: Int, rho: Double) -> KnownTruth {
    KnownTruth(
      "normal \(dimension) + \(dimension), \(active) pairs at \(rho)",
      -0.5 * Double(active) * log(1 - rho * rho)
    ) { count, random in
      pairs(count, &random) { random in
        let x = (0..<dimension).map { _ in random.normal() }
        let y = (0..<dimension).map { i in
          i < active ? rho * x[i] + (1 - rho * rho).squareRoot() * random.normal() : random.normal()
        }
        return (x, y)
      }
    }
  }

  /// All of the 2d variables correlated `rho` with each other.
  public static func denseNormal(_ dimension: Int, rho: Double) -> KnownTruth {
    func logDeterminant(_ n: Int) -> Double {
      Double(n - 1) * log(1 - rho) + log(1 + Double(n - 1) * rho)
    }
    return KnownTruth(
      "normal \(dimension) + \(dimension), all pairs at \(rho)",
      logDeterminant(dimension) - 0.5 * logDeterminant(2 * dimension)
    ) { count, random in
      pairs(count, &random) { random in
        let shared = rho.squareRoot() * random.normal()
        let own = (1 - rho).squareRoot()
        return (
          (0..<dimension).map { _ in shared + own * random.normal() },
          (0..<dimension).map { _ in shared + own * random.normal() }
        )
      }
    }
  }

  /// 1 + 1 normal with this information: ρ = √(1 - e^(-2I)).
  public static func normal(information: Double) -> KnownTruth {
    let rho = (1 - exp(-2 * information)).squareRoot()
    let base = sparseNormal(1, active: 1, rho: rho)
    return KnownTruth("normal 1 + 1 of \(information) nats", information, base.draw)
  }

  /// Another distribution's image under functions of each side that can be undone, so with the same truth.
  package func image(
    _ name: String, _ x: @escaping @Sendable ([Double]) -> [Double],
    _ y: @escaping @Sendable ([Double]) -> [Double], dimension: Int = 1
  ) -> KnownTruth {
    let draw = draw
    return KnownTruth(name, truth) { count, random in
      let (a, b) = draw(count, &random)
      func change(_ values: [Double], _ f: ([Double]) -> [Double]) -> [Double] {
        let width = values.count / count
        return (0..<count).flatMap { f(Array(values[$0 * width..<($0 + 1) * width])) }
      }
      return (change(a, x), change(b, y))
    }
  }

  // MARK: - The table

  /// The known truths of the literature (Czyż et al. 2023; Kraskov et al. 2004; Gao et al. 2017) and some more.
  public static let table: [KnownTruth] = {
    let normal = sparseNormal(1, active: 1, rho: 0.75)
    let half: @Sendable ([Double]) -> [Double] = {
      $0.map { $0 < 0 ? -pow(-$0, 1.5) : pow($0, 1.5) }
    }
    return [
      renamed(normal, "normal 1 + 1, ρ = 0.75"),
      normal.image("half-cube of normal, ρ = 0.75", half, half),
      normal.image(
        "Swiss roll of normal, ρ = 0.75", { spiral($0[0]) }, { $0 }),
      additiveNoise(0.1), additiveNoise(0.75), student,
      KnownTruth.normal(information: 0.1), KnownTruth.normal(information: 1),
      KnownTruth.normal(information: 2.5), KnownTruth.normal(information: 5),
      denseNormal(2, rho: 0.5), denseNormal(3, rho: 0.5), denseNormal(5, rho: 0.5),
      denseNormal(25, rho: 0.5), denseNormal(50, rho: 0.5),
      sparseNormal(2, active: 2, rho: 0.8), sparseNormal(3, active: 2, rho: 0.8),
      sparseNormal(5, active: 2, rho: 0.8), sparseNormal(25, active: 2, rho: 0.8),
      sparseNormal(50, active: 2, rho: 0.8),
      sparseNormal(5, active: 2, rho: 0.8).image(
        "half-cube of normal 5 + 5, 2 pairs at 0.8", half, half),
      uniformMixture, binaryChannel(bits: 1, flip: 0.1), binaryChannel(bits: 3, flip: 0.1),
      pictures(flip: 0.1), texts(flip: 0.1),
      independent(1), independent(5),
    ]
  }()

  private static func renamed(_ truth: KnownTruth, _ name: String) -> KnownTruth {
    KnownTruth(name, truth.truth, truth.draw)
  }

  /// A curve in two dimensions along which the value's normal probability runs.
  private static func spiral(_ value: Double) -> [Double] {
    let turn = 1.5 * Double.pi * (1 + 2 * 0.5 * erfc(-value / 2.0.squareRoot()))
    return [turn * cos(turn) / 21, turn * sin(turn) / 21]
  }

  /// Y = X + U(-ε, ε), X uniform on (0, 1).
  static func additiveNoise(_ width: Double) -> KnownTruth {
    let truth = width <= 0.5 ? width - log(2 * width) : 1 / (4 * width)
    return KnownTruth("uniform plus uniform noise of \(width)", truth) { count, random in
      pairs(count, &random) { random in
        let x = random.uniform()
        return ([x], [x + width * (2 * random.uniform() - 1)])
      }
    }
  }

  /// Student's distribution with one degree of freedom and unit dispersion in 1 + 1 dimensions: independent but for the
  /// common scale; 0.2242 nats (Czyż et al. 2023).
  static let student = KnownTruth("Student 1 + 1, 1 degree of freedom", 0.224_171_1) {
    count, random in
    pairs(count, &random) { random in
      let scale = abs(random.normal())
      return ([random.normal() / scale], [random.normal() / scale])
    }
  }

  /// X uniform on 0 … m - 1, Y = X + U(0, 2): ln m - (m - 1)/m ln 2 (Gao et al. 2017).
  static let uniformMixture = KnownTruth("uniform on 5 values plus U(0, 2)", log(5) - 0.8 * log(2))
  {
    count, random in
    pairs(count, &random) { random in
      let x = Double(Int(random.uniform() * 5))
      return ([x], [x + 2 * random.uniform()])
    }
  }

  private static func flipped(_ bit: Int, _ flip: Double, _ random: inout Philox) -> Int {
    random.uniform() < flip ? 1 - bit : bit
  }

  private static func channel(_ flip: Double) -> Double {
    log(2) + flip * log(flip) + (1 - flip) * log(1 - flip)
  }

  /// Bits through a binary symmetric channel: d (ln 2 - H(p)).
  public static func binaryChannel(bits: Int, flip: Double) -> KnownTruth {
    KnownTruth(
      "\(bits) \(bits == 1 ? "bit" : "bits") through a channel that flips \(flip)",
      Double(bits) * channel(flip)
    ) { count, random in
      pairs(count, &random) { random in
        let x = (0..<bits).map { _ in random.uniform() < 0.5 ? 0 : 1 }
        return (x.map(Double.init), x.map { Double(flipped($0, flip, &random)) })
      }
    }
  }

  /// Pictures of 8 x 8 grey values with upright or level bars, and pictures of a ring or a cross, whose kinds are joined by
  /// a channel. The kind can be read off each picture without error, and everything else in them is independent.
  static func pictures(flip: Double) -> KnownTruth {
    @Sendable func picture(_ kind: Int, _ set: Int, _ random: inout Philox) -> [Double] {
      (0..<64).map { place in
        let (row, column) = (place / 8, place % 8)
        let isInk: Bool
        switch (set, kind) {
        case (0, 0): isInk = column % 4 < 2
        case (0, _): isInk = row % 4 < 2
        case (_, 0): isInk = row == column || row == 7 - column
        default: isInk = [0, 7].contains(row) || [0, 7].contains(column)
        }
        return (isInk ? 1 : 0) + 0.3 * random.normal()
      }
    }
    return KnownTruth("pictures 64 + 64 joined by a channel that flips \(flip)", channel(flip)) {
      count, random in
      pairs(count, &random) { random in
        let kind = random.uniform() < 0.5 ? 0 : 1
        let other = flipped(kind, flip, &random)
        return (picture(kind, 0, &random), picture(other, 1, &random))
      }
    }
  }

  /// Counts of 16 words in texts of 40: each of two kinds uses a half of the vocabulary; kinds are joined by a channel.
  static func texts(flip: Double) -> KnownTruth {
    @Sendable func counts(_ kind: Int, _ random: inout Philox) -> [Double] {
      var counts = [Double](repeating: 0, count: 16)
      for _ in 0..<40 { counts[8 * kind + Int(random.uniform() * 8)] += 1 }
      return counts
    }
    return KnownTruth("word counts 16 + 16 joined by a channel that flips \(flip)", channel(flip)) {
      count, random in
      pairs(count, &random) { random in
        let kind = random.uniform() < 0.5 ? 0 : 1
        return (counts(kind, &random), counts(flipped(kind, flip, &random), &random))
      }
    }
  }

  /// No dependence at all.
  static func independent(_ dimension: Int) -> KnownTruth {
    KnownTruth("independent \(dimension) + \(dimension)", 0) { count, random in
      pairs(count, &random) { random in
        (
          (0..<dimension).map { _ in random.normal() },
          (0..<dimension).map { _ in random.uniform() }
        )
      }
    }
  }
}
