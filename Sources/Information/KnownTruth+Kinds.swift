import Foundation
import Kernels

/// Kinds of ``suite`` that are no images of normal ones.
extension KnownTruth {
  // MARK: - Heavy tails

  static let tails: [KnownTruth] = {
    let short: @Sendable ([Double]) -> [Double] = { $0.map { asinh($0) } }
    let wide = [(4, 4), (6, 1), (8, 3), (10, 2), (15, 5), (25, 3), (1, 3), (5, 8)].map {
      student($0.0, degrees: $0.1)
    }
    let shorter = [(4, 2), (8, 2)].map { base -> KnownTruth in
      let base = student(base.0, degrees: base.1)
      return base.image("asinh of \(base.name)", short, short)
    }
    return wide + shorter + [
      correlatedStudent(5, degrees: 2, rho: 0.3), correlatedStudent(3, degrees: 3, rho: 0.6),
      correlatedStudent(10, degrees: 4, rho: 0.2),
    ]
  }()

  /// Student's distribution whose columns are all correlated `rho`: that of the normal one and of the common scale.
  package static func correlatedStudent(_ dimension: Int, degrees: Int, rho: Double) -> KnownTruth {
    let (normal, heavy) = (denseNormal(dimension, rho: rho), student(dimension, degrees: degrees))
    return KnownTruth(
      "\(heavy.name), all pairs at \(rho)", normal.truth + heavy.truth
    ) { count, random in
      var (x, y) = normal.draw(count, &random)
      for row in 0..<count {
        let squares = (0..<degrees).reduce(0.0) { sum, _ in
          let value = random.normal()
          return sum + value * value
        }
        let scale = (squares / Double(degrees)).squareRoot()
        for place in row * dimension..<(row + 1) * dimension {
          x[place] /= scale
          y[place] /= scale
        }
      }
      return (x, y)
    }
  }

  // MARK: - Mixtures

  /// Equally likely kinds, in each of which both sides are independent unit normals about means of their own; I by Monte
  /// Carlo over 200,000 pairs of a fixed seed, standard error below 0.003 nats.
  package static func normalMixture(
    _ kinds: Int, _ dx: Int, _ dy: Int, apart: Double, seed: UInt64
  ) -> KnownTruth {
    var random = Philox(seed: seed, purpose: .noise, index: 1 << 28)
    let means = (0..<kinds).map { _ in
      (
        (0..<dx).map { _ in apart * random.normal() }, (0..<dy).map { _ in apart * random.normal() }
      )
    }
    let draw: @Sendable (Int, inout Philox) -> (x: [Double], y: [Double]) = { count, random in
      pairs(count, &random) { random in
        let kind = min(kinds - 1, Int(random.uniform() * Double(kinds)))
        return (
          means[kind].0.map { $0 + random.normal() }, means[kind].1.map { $0 + random.normal() }
        )
      }
    }
    func logDensity(_ values: ArraySlice<Double>, _ mean: [Double]) -> Double {
      zip(values, mean).reduce(0) { $0 - 0.5 * ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    let count = 200_000
    var stream = Philox(seed: seed, purpose: .noise, index: 1 << 29)
    let (x, y) = draw(count, &stream)
    var total = 0.0
    for row in 0..<count {
      let a = means.map { logDensity(x[row * dx..<(row + 1) * dx], $0.0) }
      let b = means.map { logDensity(y[row * dy..<(row + 1) * dy], $0.1) }
      total += logMeanExp(zip(a, b).map { $0 + $1 }) - logMeanExp(a) - logMeanExp(b)
    }
    return KnownTruth(
      "mixture of \(kinds) kinds \(apart) apart in \(dx) + \(dy)", total / Double(count), draw)
  }

  static let mixtures: [KnownTruth] = [
    normalMixture(2, 1, 1, apart: 2, seed: 1), normalMixture(3, 2, 2, apart: 2, seed: 2),
    normalMixture(4, 3, 3, apart: 1.5, seed: 3), normalMixture(5, 5, 5, apart: 1.5, seed: 4),
    normalMixture(3, 10, 10, apart: 0.7, seed: 5), normalMixture(8, 4, 4, apart: 3, seed: 6),
    normalMixture(4, 25, 25, apart: 0.5, seed: 7), normalMixture(2, 5, 1, apart: 1, seed: 8),
  ]

  // MARK: - Classes and atoms

  static let discrete: [KnownTruth] = [
    classes([0, 1], apart: 2), classes([0, 1, 2, 3, 4, 5], apart: 2), classes([7, 3], apart: 1),
    classes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], apart: 4), rounded(rho: 0.8, step: 0.25),
    rounded(rho: 0.95, step: 0.5), binaryChannel(bits: 2, flip: 0.2),
    binaryChannel(bits: 4, flip: 0.05), binaryChannel(bits: 1, flip: 0.5), namedKinds(5, 4),
    namedKinds(3, 8),
  ]

  /// A class beside a vector: `kinds` corners of a simplex, each with unit normal noise in `dimension`; by Monte Carlo as
  /// ``normalMixture(_:_:_:apart:seed:)``.
  static func namedKinds(_ kinds: Int, _ dimension: Int) -> KnownTruth {
    let distance = 1.8
    let draw: @Sendable (Int, inout Philox) -> (x: [Double], y: [Double]) = { count, random in
      pairs(count, &random) { random in
        let kind = min(kinds - 1, Int(random.uniform() * Double(kinds)))
        let x = (0..<dimension).map { ($0 == kind ? distance : 0) + random.normal() }
        return (x, [Double(kind)])
      }
    }
    let count = 200_000
    var stream = Philox(seed: 9, purpose: .noise, index: 1 << 29)
    let (x, y) = draw(count, &stream)
    var total = 0.0
    for row in 0..<count {
      // ln p(x | kind) up to what all kinds share.
      let logs = (0..<kinds).map { kind in
        kind < dimension ? distance * x[row * dimension + kind] - 0.5 * distance * distance : 0
      }
      total += logs[Int(y[row])] - logMeanExp(logs)
    }
    return KnownTruth(
      "\(kinds) classes as corners in \(dimension) dimensions", total / Double(count), draw)
  }

  // MARK: - Curves in pixels, counts, series

  /// The place of a bump on a line of pixels, seen from two sides: place of x and of y are a normal pair, pixels are smooth
  /// functions of it, one to one, and noise is too little to blur it.
  static func bumps(_ pixels: Int, rho: Double) -> KnownTruth {
    let base = sparseNormal(1, active: 1, rho: rho)
    let picture: @Sendable ([Double]) -> [Double] = { value in
      (0..<pixels).map { pixel in
        let place = 4 * (2 * Double(pixel) / Double(pixels - 1) - 1)
        let d = (place - value[0]) / 1.5
        return exp(-0.5 * d * d)
      }
    }
    return base.image("bumps in \(pixels) pixels at \(rho)", picture, picture)
  }

  static let manifolds: [KnownTruth] = [
    bumps(4, rho: 0.8), bumps(8, rho: 0.9), pictures(flip: 0.02), pictures(flip: 0.3),
    texts(flip: 0.02), texts(flip: 0.25), independent(3), independent(20),
  ]

  /// A step of a vector process x' = ρ x + noise: pairs of neighbours in time, each pair of a run of its own, so with the known rate
  /// -½ d ln(1 - ρ²).
  static let series: [KnownTruth] = [(1, 0.9), (3, 0.6), (12, 0.5)].map { dimension, rho in
    let base = sparseNormal(dimension, active: dimension, rho: rho)
    return KnownTruth(
      "steps of a process of \(dimension) at \(rho)", base.truth, base.draw)
  }
}
