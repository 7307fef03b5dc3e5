import Foundation
import Information
import Kernels
import Testing

/// Estimators of pairs against slow twins, closed forms, identities and refusals.
@Suite struct PairEstimatorTests {
  private let pool = WorkerPool(threadCount: 2)

  private func matrix(_ count: Int, _ dimension: Int, seed: UInt64) throws -> SampleMatrix {
    var random = Philox(seed: seed, stream: 7)
    return try SampleMatrix(
      count: count, values: (0..<count * dimension).map { _ in random.normal() })
  }

  private func distance(_ a: SampleMatrix, _ i: Int, _ j: Int) -> Double {
    (0..<a.dimension).reduce(0) {
      max($0, abs(a.values[i * a.dimension + $1] - a.values[j * a.dimension + $1]))
    }
  }

  private func psi(_ n: Int) -> Double {
    (1..<max(n, 1)).reduce(-0.577_215_664_901_532_86) { $0 + 1 / Double($1) }
  }

  /// Eqs. 8 and 9 of Kraskov et al. as two loops over all pairs.
  private func slowKraskov(_ pairs: PairedSamples, _ k: Int, _ variant: Kraskov.Variant) -> Double {
    let n = pairs.count
    var total = 0.0
    for i in 0..<n {
      let others = (0..<n).filter { $0 != i }
      let near = others.sorted {
        max(distance(pairs.x, i, $0), distance(pairs.y, i, $0))
          < max(distance(pairs.x, i, $1), distance(pairs.y, i, $1))
      }.prefix(k)
      for side in [pairs.x, pairs.y] {
        if variant == .one {
          let last = near.last ?? 0
          let radius = max(distance(pairs.x, i, last), distance(pairs.y, i, last))
          total += psi(others.count { distance(side, i, $0) < radius } + 1)
        } else {
          let radius = near.map { distance(side, i, $0) }.max() ?? 0
          total += psi(others.count { distance(side, i, $0) <= radius })
        }
      }
    }
    let correction = variant == .one ? 0 : 1 / Double(k)
    return psi(k) - correction + psi(n) - total / Double(n)
  }

  @Test(arguments: [(1, 1), (2, 1), (1, 3), (3, 3), (4, 5)])
  func `ksg agrees with all pairs in two loops`(dx: Int, dy: Int) throws {
    let x = try matrix(300, dx, seed: 1)
    let y = try SampleMatrix(
      count: 300,
      values: zip(
        try matrix(300, dy, seed: 2).values, (0..<300 * dy).map { x.values[$0 / dy * dx] }
      ).map { $0 + $1 })
    let pairs = try PairedSamples(x, y)
    for variant in [Kraskov.Variant.one, .two] {
      for k in [1, 4] {
        let found = try Kraskov(neighborCount: k, variant: variant).value(pairs, pool).value
        #expect(abs(found - slowKraskov(pairs, k, variant)) < 1e-10, "\(variant) \(k)")
      }
    }
  }

  @Test func `blocked products in high dimension agree with plain Euclidean loops`() throws {
    let (x, y) = (try matrix(200, 8, seed: 3), try matrix(200, 6, seed: 4))
    let pairs = try PairedSamples(x, y)
    func euclid(_ a: SampleMatrix, _ i: Int, _ j: Int) -> Double {
      (0..<a.dimension).reduce(0) {
        let gap = a.values[i * a.dimension + $1] - a.values[j * a.dimension + $1]
        return $0 + gap * gap
      }
    }
    var total = 0.0
    for i in 0..<200 {
      let others = (0..<200).filter { $0 != i }
      let radius = others.map { max(euclid(x, i, $0), euclid(y, i, $0)) }.sorted()[4]
      for side in [x, y] { total += psi(others.count { euclid(side, i, $0) < radius } + 1) }
    }
    let expected = psi(5) + psi(200) - total / 200
    #expect(abs(try Kraskov().value(pairs, pool).value - expected) < 1e-10)
  }

  @Test func `the value does not depend on the number of threads`() throws {
    let pairs = try KnownTruth.denseNormal(2, rho: 0.5).sample(3000, seed: 5)
    let one = WorkerPool(threadCount: 1)
    for name in ["ksg", "mixed-ksg", "gaussian", "kde", "binning", "renyi", "infonce", "latent"] {
      let small = name == "infonce" || name == "latent"
      let used = small ? try KnownTruth.denseNormal(2, rho: 0.5).sample(400, seed: 5) : pairs
      let estimator = try #require(EstimatorChoice.estimator(name, .init()))
      #expect(
        try estimator.value(used, one).value == estimator.value(used, pool).value, "\(name)")
    }
  }

  @Test func `known truths of 5,000 samples`() throws {
    // The full table is isotherm verify information.
    for (name, truth, tolerance) in [
      ("ksg", KnownTruth.sparseNormal(1, active: 1, rho: 0.75), 0.03),
      ("ksg2", .sparseNormal(1, active: 1, rho: 0.75), 0.03),
      ("ksg", .denseNormal(2, rho: 0.5), 0.03), ("ksg", .denseNormal(3, rho: 0.5), 0.1),
      ("gaussian", .sparseNormal(50, active: 2, rho: 0.8), 0.06),
      ("gaussian", .denseNormal(25, rho: 0.5), 0.06),
      ("mixed-ksg", .binaryChannel(bits: 1, flip: 0.1), 0.05),
      ("mixed-ksg", .binaryChannel(bits: 3, flip: 0.1), 0.05),
      ("kde", .sparseNormal(1, active: 1, rho: 0.75), 0.05),
    ] {
      let estimator = try #require(EstimatorChoice.estimator(name, .init()))
      let value = try estimator.value(truth.sample(5000, seed: 11), pool).value
      #expect(abs(value - truth.truth) < tolerance, "\(name): \(truth.name): \(value)")
    }
  }

  @Test func `auto picks by what it sees, and says why`() throws {
    for (truth, name) in [
      (KnownTruth.sparseNormal(1, active: 1, rho: 0.5), "ksg"),
      (.sparseNormal(25, active: 2, rho: 0.8), "gaussian"),
      (.binaryChannel(bits: 1, flip: 0.1), "discrete"),
    ] {
      let choice = EstimatorChoice.automatic(try truth.sample(2000, seed: 1), .init())
      #expect(choice.estimator.name == name, "\(truth.name)")
      #expect(!choice.reason.isEmpty)
    }
    let pictures = try #require(KnownTruth.table.first { $0.name.hasPrefix("pictures") })
    let choice = EstimatorChoice.automatic(try pictures.sample(500, seed: 1), .init())
    #expect(choice.estimator.name == "infonce")
  }

  @Test func `trained critics find a dependence, and none where there is none`() throws {
    let truth = KnownTruth.sparseNormal(4, active: 2, rho: 0.8)
    let independent = try #require(KnownTruth.table.last)
    #expect(independent.truth == 0)
    for name in ["infonce", "smile", "nwj", "mine"] {
      let estimator = try #require(EstimatorChoice.estimator(name, .init()))
      let found = try estimator.value(truth.sample(1500, seed: 2), pool).value
      // 1.02 nats; every one of them errs low with so few samples, nwj most.
      #expect(found > 0.4 && found < 1.2, "\(name): \(found)")
      let none = try estimator.value(independent.sample(800, seed: 3), pool).value
      // Bounds from below: what is learned by heart makes them negative, never positive.
      #expect(none > -0.3 && none < 0.05, "\(name): \(none)")
    }
  }

  @Test func `independent samples give intervals that contain 0`() throws {
    let pairs = try PairedSamples(matrix(600, 1, seed: 21), matrix(600, 1, seed: 22))
    let plan = ResamplingPlan(resamples: 60, shuffles: 20, seed: 1)
    for name in ["ksg", "ksg2", "mixed-ksg", "gaussian"] {
      let estimator = try #require(EstimatorChoice.estimator(name, .init()))
      let estimate = try estimator.estimate(pairs, plan, pool)
      #expect(estimate.lower <= 0 && 0 <= estimate.upper, "\(name)")
      #expect(estimate.flags.contains(.notAboveNull), "\(name)")
    }
  }

  @Test func `processing data loses information, within intervals`() throws {
    // X -> Y -> Z: I(X;Z) ≤ I(X;Y).
    let x = try matrix(3000, 1, seed: 31)
    func noisy(_ a: SampleMatrix, _ seed: UInt64) throws -> SampleMatrix {
      try SampleMatrix(
        count: a.count,
        values: zip(a.values, matrix(a.count, 1, seed: seed).values).map { $0 + 0.7 * $1 })
    }
    let y = try noisy(x, 32)
    let z = try noisy(y, 33)
    let plan = ResamplingPlan(resamples: 40, shuffles: 0, seed: 1)
    let near = try Kraskov().estimate(PairedSamples(x, y), plan, pool)
    let far = try Kraskov().estimate(PairedSamples(x, z), plan, pool)
    #expect(far.value < near.value)
    #expect(far.upper < near.lower)
    // Given Y, Z says nothing of X.
    let rest = try ConditionalInformation.nearestNeighbours(x, z, given: y, pool)
    #expect(abs(rest) < 0.03)
    #expect(abs(try ConditionalInformation.gaussian(x, z, given: y)) < 0.01)
  }

  @Test func `entropies of known distributions`() throws {
    let normal = try matrix(4000, 2, seed: 41)
    let expected = log(2 * Double.pi * M_E)
    #expect(abs(try DifferentialEntropy.nearestNeighbours(normal) - expected) < 0.05)
    #expect(abs(try DifferentialEntropy.gaussian(normal) - expected) < 0.05)
    var random = Philox(seed: 42, stream: 1)
    let uniform = try SampleMatrix(
      count: 4000, values: (0..<4000).map { _ in 3 * random.uniform() })
    #expect(abs(try DifferentialEntropy.nearestNeighbours(uniform) - log(3)) < 0.05)
  }

  @Test func `kde's lower bound is below its upper, and binning never above ln n`() throws {
    let plan = ResamplingPlan(resamples: 4, shuffles: 4, seed: 1)
    var layer = try LayerDistances(count: 100)
    try layer.add(matrix(100, 7, seed: 51).values.map { Float($0) })
    for noise in [0.1, 0.5, 2] {
      let upper = KernelDensity(layer, noise: noise).inputInformation(plan).value
      let lower = KernelDensity(layer, noise: noise, bound: .lower).inputInformation(plan).value
      #expect(lower <= upper)
    }
    for dimension in [1, 3, 20] {
      let pairs = try PairedSamples(
        matrix(100, dimension, seed: 52), matrix(100, dimension, seed: 52))
      #expect(try BinnedInformation(bins: 30).value(pairs, pool).value <= log(100) + 1e-12)
    }
  }

  @Test func `a layer in pieces is the layer in one`() throws {
    let values = try matrix(50, 12, seed: 61).values.map { Float($0) }
    var whole = try LayerDistances(count: 50)
    try whole.add(values)
    var pieces = try LayerDistances(count: 50)
    var (patterns, whole2) = (BinPatterns(count: 50, bins: 3), BinPatterns(count: 50, bins: 3))
    whole2.add(values)
    for part in [0..<5, 5..<12] {
      let columns = (0..<50).flatMap { row in part.map { values[row * 12 + $0] } }
      try pieces.add(columns)
      patterns.add(columns)
    }
    for (a, b) in zip(whole.squared, pieces.squared) { #expect(abs(a - b) < 1e-9) }
    let plan = ResamplingPlan(resamples: 4, shuffles: 4, seed: 1)
    #expect(
      Binning(patterns).inputInformation(plan).value == Binning(whole2).inputInformation(plan).value
    )
  }

  @Test func `neighbours of layers say that one tells the other`() throws {
    let plan = ResamplingPlan(resamples: 10, shuffles: 20, seed: 1)
    func layer(_ seed: UInt64, plus other: [Float]? = nil) throws -> (LayerDistances, [Float]) {
      var values = try matrix(150, 2, seed: seed).values.map { Float($0) }
      if let other { values = zip(values, other).map { 0.2 * $0 + $1 } }
      var layer = try LayerDistances(count: 150)
      try layer.add(values)
      return (layer, values)
    }
    let (first, values) = try layer(71)
    let (same, _) = try layer(72, plus: values)
    let (other, _) = try layer(73)
    let a = try DistanceKraskov(first)
    #expect(try a.information(with: DistanceKraskov(same), plan).value > 1)
    #expect(
      try a.information(with: DistanceKraskov(other), plan).flags.contains(.notAboveNull))
    let kde = KernelDensity(first, noise: 0.3)
    #expect(
      kde.information(with: KernelDensity(same, noise: 0.3), plan).value
        > kde.information(with: KernelDensity(other, noise: 0.3), plan).value + 0.3)
    let labels = (0..<150).map { Int32(values[2 * $0] > 0 ? 1 : 0) }
    let label = a.labelInformation(labels, plan)
    #expect(abs(label.value - log(2)) < 0.15)
  }

  @Test func `what cannot be estimated is refused or flagged`() throws {
    let good = try matrix(200, 1, seed: 81)
    // One side constant.
    let constant = try PairedSamples(
      good, SampleMatrix(count: 200, values: [Double](repeating: 3, count: 200)))
    let plan = ResamplingPlan(resamples: 10, shuffles: 5, seed: 1)
    for name in EstimatorChoice.names where name != "auto" {
      let estimator = try #require(EstimatorChoice.estimator(name, .init()))
      let estimate = try estimator.estimate(constant, plan, pool)
      #expect(estimate.value == 0 && estimate.flags.contains(.constant), "\(name)")
    }
    // Duplicates.
    let coarse = try PairedSamples(
      SampleMatrix(count: 200, values: good.values.map { $0.rounded() }), good)
    #expect(
      try Kraskov().value(PairedSamples(coarse.x, coarse.x), pool).flags.contains(.ties))
    // NaN, too few samples, unequal numbers, more dimensions than samples, n < k.
    #expect(throws: EstimationError.self) {
      try SampleMatrix(count: 4, values: [1, .nan, 2, 3])
    }
    #expect(throws: EstimationError.self) { try SampleMatrix(count: 3, values: [1, 2, 3]) }
    #expect(throws: EstimationError.self) { try PairedSamples(good, matrix(100, 1, seed: 82)) }
    #expect(throws: EstimationError.self) {
      try GaussianInformation().value(
        PairedSamples(matrix(20, 15, seed: 83), matrix(20, 15, seed: 84)), pool)
    }
    #expect(throws: EstimationError.self) {
      try Kraskov(neighborCount: 9).value(
        PairedSamples(matrix(10, 1, seed: 85), matrix(10, 1, seed: 86)), pool)
    }
    // A column that is another's copy: a singular covariance is told as such.
    let doubled = try SampleMatrix(count: 200, values: good.values.flatMap { [$0, $0] })
    #expect(throws: EstimationError.self) {
      try GaussianInformation().value(PairedSamples(doubled, matrix(200, 1, seed: 87)), pool)
    }
  }

  @Test func `one class only is never above its null`() throws {
    var layer = try LayerDistances(count: 60)
    let values = try matrix(60, 3, seed: 88).values.map { Float($0) }
    try layer.add(values)
    var patterns = BinPatterns(count: 60, bins: 4)
    patterns.add(values)
    let labels = [Int32](repeating: 2, count: 60)
    let plan = ResamplingPlan(resamples: 5, shuffles: 5, seed: 1)
    for estimate in [
      KernelDensity(layer, noise: 0.5).labelInformation(labels, plan),
      Binning(patterns).labelInformation(labels, plan),
      try DistanceKraskov(layer).labelInformation(labels, plan),
      try LayerRenyi(layer, width: 0.5).information(with: LayerRenyi(labels: labels), plan),
    ] {
      #expect(abs(estimate.value) < 1e-9)
      #expect(estimate.flags.contains(.notAboveNull) || estimate.flags.contains(.constant))
    }
  }

  @Test func `rank and asinh leave the order, and standard the units, behind`() throws {
    let pairs = try PairedSamples(matrix(99, 1, seed: 91), matrix(99, 1, seed: 92))
    let cubed = try PairedSamples(
      SampleMatrix(count: 99, values: pairs.x.values.map { $0 * $0 * $0 }), pairs.y)
    #expect(Preprocessing.rank.apply(cubed).x.values == Preprocessing.rank.apply(pairs).x.values)
    let scaled = Preprocessing.standard.apply(pairs).x.values
    #expect(abs(scaled.reduce(0, +)) < 1e-10)
    #expect(abs(scaled.reduce(0) { $0 + $1 * $1 } / 99 - 1) < 1e-10)
    let short = Preprocessing.asinh.apply(pairs).x.values
    #expect(
      short.indices.sorted { short[$0] < short[$1] }
        == pairs.x.values.indices.sorted { pairs.x.values[$0] < pairs.x.values[$1] })
  }
}
