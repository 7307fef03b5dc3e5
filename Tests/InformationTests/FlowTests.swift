import Foundation
import Information
import Kernels
import Testing

/// Learned maps and copulas against derivatives by differences, closed forms and known truths.
@Suite struct FlowTests {
  private let pool = WorkerPool(threadCount: 2)

  private func normals(_ count: Int, seed: UInt64) -> [Double] {
    var random = Philox(seed: seed, stream: 9)
    return (0..<count).map { _ in random.normal() }
  }

  private func twist(_ d: Int, seed: UInt64) -> Twist {
    let values = normals(4 * d, seed: seed)
    var twist = Twist(
      logScale: values[..<d].map { -1 + 0.3 * $0 }, centre: values[d..<2 * d].map { 0.4 * $0 },
      first: Array(values[2 * d..<3 * d]), second: Array(values[3 * d..<4 * d]))
    twist.straighten()
    return twist
  }

  @Test func `a twist turns one plane, and the twist the other way undoes it`() {
    let d = 4
    let (x, forward) = (normals(40 * d, seed: 1), twist(4, seed: 2))
    let pass = forward.pass(x)
    // The other way: e₁ and e₂ exchanged, of u itself.
    let back = Twist(
      logScale: [Double](repeating: 0, count: d), centre: [Double](repeating: 0, count: d),
      first: forward.second, second: forward.first)
    for (a, b) in zip(back.pass(pass.z).z, pass.u) { #expect(abs(a - b) < 1e-10) }
    for row in 0..<40 {
      let rows = row * d..<(row + 1) * d
      let lengths = [pass.u[rows], pass.z[rows]].map { $0.reduce(0) { $0 + $1 * $1 } }
      #expect(abs(lengths[0] - lengths[1]) < 1e-10 * lengths[0])
    }
    #expect(zip(pass.z, pass.u).contains { abs($0 - $1) > 0.1 })
  }

  @Test func `derivatives of a twist agree with differences`() {
    let d = 3
    let (x, start) = (normals(20 * d, seed: 3), twist(3, seed: 4))
    let weights = normals(20 * d, seed: 5)
    func value(_ twist: Twist) -> Double { Twist.dot(twist.pass(x).z, weights) }
    let slope = start.gradient(x, start.pass(x), weights)
    let step = 1e-6
    for i in 0..<d {
      for (path, found) in [
        (\Twist.logScale, slope.logScale[i]), (\Twist.centre, slope.centre[i]),
      ] {
        var (up, down) = (start, start)
        up[keyPath: path][i] += step
        down[keyPath: path][i] -= step
        #expect(abs((value(up) - value(down)) / (2 * step) - found) < 1e-5 * max(1, abs(found)))
      }
    }
    // The plane: along a direction out of it.
    var across = normals(d, seed: 6)
    for own in [start.first, start.second] {
      let along = Twist.dot(across, own)
      for i in 0..<d { across[i] -= along * own[i] }
    }
    for path in [\Twist.first, \Twist.second] {
      var (up, down) = (start, start)
      for i in 0..<d {
        up[keyPath: path][i] += step * across[i]
        down[keyPath: path][i] -= step * across[i]
      }
      let found = Twist.dot(slope[keyPath: path], across)
      #expect(abs((value(up) - value(down)) / (2 * step) - found) < 1e-5 * max(1, abs(found)))
    }
  }

  @Test func `derivatives of phase features' information agree with differences`() throws {
    let x = FlowSide(try SampleMatrix(count: 200, values: normals(600, seed: 7)))
    let mixed = zip(normals(400, seed: 8), (0..<400).map { x.values[$0 / 2 * 3] }).map { $0 + $1 }
    let y = FlowSide(try SampleMatrix(count: 200, values: mixed))
    let metric = (x: [0.3, 0.2, 0.1], y: [0.4, 0.2])
    let found = try #require(PhaseFeatures.information(x, y, metric, gradient: true))
    func value(_ metric: (x: [Double], y: [Double])) throws -> Double {
      try #require(PhaseFeatures.information(x, y, metric, gradient: false)).value
    }
    for i in 0..<3 {
      var (up, down) = (metric, metric)
      up.x[i] += 1e-6
      down.x[i] -= 1e-6
      #expect(abs((try value(up) - value(down)) / 2e-6 - found.x[i]) < 1e-5)
    }
    for i in 0..<2 {
      var (up, down) = (metric, metric)
      up.y[i] += 1e-6
      down.y[i] -= 1e-6
      #expect(abs((try value(up) - value(down)) / 2e-6 - found.y[i]) < 1e-5)
    }
  }

  @Test func `auto finds what lies behind a spiral`() throws {
    for (truth, estimator) in [
      (KnownTruth.twisted(.sharedPairs(3), 3), "flow"),
      (.twisted(.sharedPairs(3), speed: 0.6, x: (0, 2), y: (0, 1)), "flow"),
      (.twisted(.sharedPairs(3), speed: 0.15, x: (0, 1), y: (1, 2)).inUnits(seed: 7), "flow"),
    ] {
      let found = try PairInformation(
        truth.sample(4000, seed: 3), by: "auto", .init(), resamples: 0, shuffles: 0, pool)
      #expect(found.estimator == estimator, "\(truth.name)")
      #expect(
        abs(found.estimate.value - truth.truth) < 0.1, "\(truth.name): \(found.estimate.value)")
    }
  }

  @Test func `flow finds nothing where there is nothing`() throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      let pairs = try PairedSamples(
        SampleMatrix(count: 1500, values: normals(4500, seed: 10 * seed)),
        SampleMatrix(count: 1500, values: normals(4500, seed: 10 * seed + 1).map { exp($0) }))
      let found = try PairInformation(
        pairs, by: "flow", .init(), resamples: 0, shuffles: 1, pool)
      #expect(abs(found.estimate.value) < 0.03)
      #expect(found.verdict == .notAbove)
    }
  }

  @Test func `one and two threads give the same bits`() throws {
    let one = WorkerPool(threadCount: 1)
    let spiral = try KnownTruth.twisted(.sharedPairs(3), 3).sample(800, seed: 4)
    let heavy = try KnownTruth.student(3, degrees: 2).sample(800, seed: 4)
    for (name, pairs) in [("flow", spiral), ("student", heavy), ("lnc", heavy)] {
      let estimator = try #require(EstimatorChoice.estimator(name, .init()))
      #expect(
        try estimator.value(pairs, one).value == estimator.value(pairs, pool).value, "\(name)")
    }
  }

  // MARK: - Student's copula

  @Test func `quantiles and distribution functions agree with closed forms`() {
    for degrees in [1.0, 2.0] {
      let table = StudentQuantile(degrees)
      for share in [1e-4, 0.01, 0.2, 0.5, 0.7, 0.999] {
        let expected =
          degrees == 1
          ? tan(Double.pi * (share - 0.5))
          : (2 * share - 1) / (2 * share * (1 - share)).squareRoot()
        #expect(abs(table[share] - expected) < 1e-4 * max(1, abs(expected)), "\(degrees) \(share)")
      }
    }
    // I_x(1, b) = 1 - (1 - x)^b, I_x(a, 1) = x^a.
    for x in [0.01, 0.3, 0.9] {
      #expect(abs(incompleteBeta(1, 2.5, x) - (1 - pow(1 - x, 2.5))) < 1e-12)
      #expect(abs(incompleteBeta(3.5, 1, x) - pow(x, 3.5)) < 1e-12)
    }
    // Of two degrees of freedom -2 ln(1 - p), which the cube comes near to.
    for share in [0.05, 0.5, 0.95] {
      let expected = -2 * log(1 - share)
      #expect(abs(chiSquareQuantile(share, 2) - expected) < 0.05 * max(1, expected))
    }
  }

  @Test func `Student's copula holds for heavy tails, and says where it does not`() throws {
    let short: @Sendable ([Double]) -> [Double] = { $0.map { asinh($0) } }
    let heavy = KnownTruth.student(5, degrees: 2)
    for truth in [
      heavy, heavy.image("asinh", short, short), .correlatedStudent(5, degrees: 2, rho: 0.3),
    ] {
      let pairs = try truth.sample(5000, seed: 2)
      let found = try StudentInformation().value(pairs, pool)
      #expect(abs(found.value - truth.truth) < 0.08, "\(truth.name): \(found.value)")
      #expect(found.flags.isEmpty)
      #expect(EstimatorChoice.automatic(pairs, .init(), pool).estimator.name == "student")
    }
    let kinds = try KnownTruth.normalMixture(4, 3, 3, apart: 1.5, seed: 3).sample(5000, seed: 2)
    #expect(try StudentInformation().value(kinds, pool).flags.contains(.misspecified))
  }

  // MARK: - Local non-uniformity

  @Test func `boxes along principal axes follow what boxes along the axes do not`() throws {
    // Nearly functions of each other: 1 + 1 normal of 6 nats, where 400 samples are too few for ksg.
    let thin = KnownTruth.normal(information: 6)
    let pairs = Preprocessing.standard.apply(try thin.sample(400, seed: 1))
    let (plain, corrected) = (
      try Kraskov(neighborCount: 10).value(pairs, pool).value,
      try LocalNonUniformity().value(pairs, pool).value
    )
    #expect(corrected > plain + 0.3)
    #expect(abs(corrected - 6) < abs(plain - 6))
    let loose = KnownTruth.normal(information: 0.1)
    let other = Preprocessing.standard.apply(try loose.sample(2000, seed: 1))
    #expect(abs(try LocalNonUniformity().value(other, pool).value - 0.1) < 0.06)
  }
}
