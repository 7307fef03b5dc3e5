import Foundation
import Kernels

/// Members of the kinds of ``table`` and ``panel`` under other parameters than the literature's.
extension KnownTruth {
  /// More than a hundred truths: the literature's, and normal ones dense and sparse to 100 + 100 dimensions, 0 to 8 nats,
  /// diffeomorphisms of several strengths, spirals of several speeds and planes, Student's, mixtures, classes, atoms, curves in
  /// pixels, counts and series.
  public static let suite: [KnownTruth] =
    table + panel + normals + images + twists + tails + mixtures + discrete + manifolds + series

  // MARK: - Normal

  /// The same pairs seen through matrices of each side, so with the same truth: columns that are mixed evenly.
  func mixed(seed: UInt64, _ dx: Int, _ dy: Int) -> KnownTruth {
    func matrix(_ n: Int, _ index: UInt64) -> [Double] {
      var random = Philox(seed: seed, purpose: .noise, index: 1 << 26 | index)
      // Householder's reflections of random directions: a rotation.
      var rows = (0..<n * n).map { $0 % (n + 1) == 0 ? 1.0 : 0 }
      for _ in 0..<min(n, 4) {
        let v = (0..<n).map { _ in random.normal() }
        let square = v.reduce(0) { $0 + $1 * $1 }
        for row in 0..<n {
          let along = (0..<n).reduce(0) { $0 + rows[row * n + $1] * v[$1] }
          for column in 0..<n { rows[row * n + column] -= 2 * along * v[column] / square }
        }
      }
      return rows
    }
    let (a, b) = (matrix(dx, 0), matrix(dy, 1))
    func apply(_ m: [Double], _ n: Int) -> @Sendable ([Double]) -> [Double] {
      { values in
        (0..<n).map { row in (0..<n).reduce(0) { $0 + m[row * n + $1] * values[$1] } }
      }
    }
    return image("rotated \(name)", apply(a, dx), apply(b, dy))
  }

  /// Columns in units of their own and about offsets of their own.
  package func inUnits(seed: UInt64) -> KnownTruth {
    func change(_ index: UInt64) -> @Sendable ([Double]) -> [Double] {
      { values in
        var random = Philox(seed: seed, purpose: .noise, index: 1 << 27 | index)
        return values.map {
          let scale = exp(2 * (2 * random.uniform() - 1))
          return scale * $0 + 10 * (random.uniform() - 0.5)
        }
      }
    }
    return image("\(name), in units of its own", change(0), change(1))
  }

  private static let normals: [KnownTruth] = {
    let wide = [
      sparseNormal(10, active: 10, rho: 0.3), sparseNormal(20, active: 5, rho: 0.6),
      sparseNormal(100, active: 3, rho: 0.8), sparseNormal(100, active: 20, rho: 0.5),
      denseNormal(8, rho: 0.2), denseNormal(100, rho: 0.3), sparseNormal(10, active: 8, rho: 0.93),
      sparseNormal(40, active: 10, rho: 0.893), sparseNormal(3, active: 3, rho: 0.997),
      sparseNormal(2, active: 1, rho: 0.0), sparseNormal(30, active: 1, rho: 0.3),
    ]
    let thin = [0, 0.02, 0.5, 3, 4, 6, 8].map { normal(information: $0) }
    return wide + thin + [
      sparseNormal(10, active: 3, rho: 0.7).mixed(seed: 1, 10, 10),
      sparseNormal(30, active: 6, rho: 0.75).mixed(seed: 2, 30, 30),
      sparseNormal(6, active: 6, rho: 0.4).mixed(seed: 3, 6, 6).inUnits(seed: 4),
    ]
  }()

  // MARK: - Images

  private static let images: [KnownTruth] = {
    let cube: @Sendable ([Double]) -> [Double] = { $0.map { $0 * abs($0).squareRoot() } }
    let short: @Sendable ([Double]) -> [Double] = { $0.map { asinh(3 * $0) } }
    let share: @Sendable ([Double]) -> [Double] = { $0.map(normalShare) }
    let growth: @Sendable ([Double]) -> [Double] = { $0.map { exp($0) } }
    let wiggle: @Sendable ([Double]) -> [Double] = { $0.map { $0 + 0.45 * sin(2 * $0) } }
    func named(
      _ base: KnownTruth, _ name: String, _ x: @escaping @Sendable ([Double]) -> [Double],
      _ y: @escaping @Sendable ([Double]) -> [Double]
    ) -> KnownTruth { base.image("\(name) of \(base.name)", x, y) }
    let small = sparseNormal(1, active: 1, rho: 0.9)
    let four = sparseNormal(4, active: 3, rho: 0.7)
    let ten = sparseNormal(10, active: 4, rho: 0.8)
    let fifty = sparseNormal(50, active: 4, rho: 0.7)
    return [
      named(small, "half-cube", cube, cube), named(small, "exponential", growth, { $0 }),
      named(small, "wiggle", wiggle, share), named(four, "exponential", growth, cube),
      named(four, "wiggle", wiggle, wiggle), named(four, "asinh", short, share),
      named(ten, "half-cube", cube, { $0 }), named(ten, "uniform margins", share, share),
      named(fifty, "wiggle", wiggle, share), named(normal(information: 5), "wiggle", wiggle, cube),
      named(denseNormal(10, rho: 0.4), "exponential", growth, growth),
    ]
  }()

  // MARK: - Twists

  /// A base twisted at this speed in the planes of columns `x` and `y`.
  package static func twisted(
    _ base: KnownTruth, speed: Double, x: (Int, Int), y: (Int, Int)
  ) -> KnownTruth {
    base.image(
      "spiral of speed \(speed) in \(x) and \(y) of \(base.name)", twist(x.0, x.1, speed: speed),
      twist(y.0, y.1, speed: speed))
  }

  private static let twists: [KnownTruth] = {
    let share: @Sendable ([Double]) -> [Double] = { $0.map(normalShare) }
    func even(_ base: KnownTruth) -> KnownTruth {
      base.image("uniform margins of \(base.name)", share, share)
    }
    let plain = sparseNormal(4, active: 3, rho: 0.75)
    return [
      twisted(sharedPairs(3), speed: 0.1, x: (0, 1), y: (1, 2)),
      twisted(sharedPairs(3), speed: 0.6, x: (0, 2), y: (0, 1)),
      twisted(sharedPairs(4), speed: 0.2, x: (2, 0), y: (1, 3)),
      twisted(sharedPairs(5), speed: 0.4, x: (0, 1), y: (0, 1)),
      twisted(sharedPairs(10), speed: 0.1, x: (0, 1), y: (1, 2)),
      twisted(sharedPairs(15), speed: 0.1, x: (3, 1), y: (1, 4)),
      twisted(sharedPairs(25), speed: 0.08, x: (0, 1), y: (1, 2)),
      twisted(plain, speed: 0.5, x: (0, 1), y: (1, 2)),
      twisted(sparseNormal(6, active: 6, rho: 0.5), speed: 0.15, x: (0, 1), y: (2, 3)),
      twisted(sharedPairs(5), speed: 0.2, x: (0, 1), y: (1, 2)).inUnits(seed: 5),
      twisted(sharedPairs(5), speed: 0.2, x: (0, 1), y: (1, 2)).mixed(seed: 6, 5, 5),
      twisted(sharedPairs(3), speed: 0.15, x: (0, 1), y: (1, 2)).inUnits(seed: 7),
      twisted(even(sharedPairs(4)), speed: 0.5, x: (0, 1), y: (1, 2)),
      twisted(even(sharedPairs(10)), speed: 0.1, x: (0, 1), y: (1, 2)),
      twisted(even(plain), speed: 1, x: (1, 0), y: (2, 3)),
    ]
  }()
}
