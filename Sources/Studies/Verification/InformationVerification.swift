import Foundation
import Information
import Kernels

/// A known answer beside what is found.
public struct VerificationRow: Encodable, Sendable {
  /// What is verified.
  public var name: String
  /// The known answer.
  public var expected: Double
  /// What was found.
  public var found: Double
  /// Distance of the two.
  public var error: Double
  /// Largest distance that passes.
  public var tolerance: Double
  /// Whether it passes.
  public var passed: Bool
  /// What speaks against the value, and the time it took.
  public var note: String

  /// A row; it passes when the error is within the tolerance.
  public init(_ name: String, expected: Double, found: Double, tolerance: Double, note: String = "")
  {
    (self.name, self.expected, self.found, self.tolerance) = (name, expected, found, tolerance)
    error = abs(found - expected)
    passed = error <= tolerance
    self.note = note
  }
}

/// Estimators of mutual information against distributions whose information is known.
public struct InformationVerification {
  private let pool: WorkerPool
  private let progress: (String) -> Void
  private static let samples = 5000

  /// `progress` is told what is being verified.
  public init(threads: Int, progress: @escaping (String) -> Void) {
    pool = WorkerPool(threadCount: threads)
    self.progress = progress
  }

  /// All rows.
  public func run() throws -> [VerificationRow] {
    try nearestNeighbours() + gaussian() + automatic() + trained() + coverage() + identities()
  }

  /// The mean over seeds, so that the estimator's error is seen and not the luck of one sample.
  private func mean(
    _ truth: KnownTruth, _ estimator: any MutualInformationEstimator,
    _ preprocessing: Preprocessing,
    seeds: Int = 5, samples: Int = Self.samples
  ) throws -> (value: Double, note: String) {
    progress("\(estimator.name): \(truth.name)")
    let began = ContinuousClock.now
    let values = try (1...seeds).map { seed in
      try estimator.value(
        preprocessing.apply(truth.sample(samples, seed: UInt64(seed))), pool)
    }
    let seconds = (ContinuousClock.now - began) / .seconds(1) / Double(seeds)
    let flags = Set(values.flatMap(\.flags.names)).sorted().joined(separator: " ")
    return (
      values.map(\.value).reduce(0, +) / Double(seeds),
      String(format: "%.3f s", seconds) + (flags.isEmpty ? "" : ", " + flags)
    )
  }

  private func nearestNeighbours() throws -> [VerificationRow] {
    let cases: [(KnownTruth, Double)] = [
      (.sparseNormal(1, active: 1, rho: 0.75), 0.02), (.denseNormal(2, rho: 0.5), 0.02),
      (.sparseNormal(2, active: 2, rho: 0.8), 0.02), (.denseNormal(3, rho: 0.5), 0.1),
      (.sparseNormal(3, active: 2, rho: 0.8), 0.1),
    ]
    var rows: [VerificationRow] = []
    for estimator in [Kraskov(), Kraskov(variant: .two)] {
      for (truth, tolerance) in cases {
        let (value, note) = try mean(truth, estimator, .none)
        rows.append(
          VerificationRow(
            "\(estimator.name): \(truth.name)", expected: truth.truth, found: value,
            tolerance: tolerance, note: note))
      }
    }
    let normal = KnownTruth.sparseNormal(1, active: 1, rho: 0.75)
    for (samples, seeds) in [(500, 40), (2000, 10), (20_000, 5)] {
      let (value, note) = try mean(normal, Kraskov(), .none, seeds: seeds, samples: samples)
      rows.append(
        VerificationRow(
          "ksg: \(samples) samples, \(normal.name)", expected: normal.truth, found: value,
          tolerance: 0.02, note: note))
    }
    for truth in KnownTruth.table
    where truth.name.contains("channel") && truth.name.contains("bit")
      || truth.name.contains("5 values")
    {
      let (value, note) = try mean(truth, MixedKraskov(), .standard)
      rows.append(
        VerificationRow(
          "mixed-ksg: \(truth.name)", expected: truth.truth, found: value, tolerance: 0.05,
          note: note))
    }
    return rows
  }

  private func gaussian() throws -> [VerificationRow] {
    try [1, 2, 5, 25, 50].flatMap { dimension in
      try [
        KnownTruth.denseNormal(dimension, rho: 0.5),
        .sparseNormal(dimension, active: min(2, dimension), rho: 0.8),
      ].map { truth in
        let (value, note) = try mean(truth, GaussianInformation(), .none)
        return VerificationRow(
          "gaussian: \(truth.name)", expected: truth.truth, found: value, tolerance: 0.06,
          note: note)
      }
    }
  }

  /// One row a truth with a wide tolerance, and one for how many are within 0.1 nats.
  private func automatic() throws -> [VerificationRow] {
    var rows: [VerificationRow] = []
    var (near, silent) = (0, 0)
    for truth in KnownTruth.table {
      progress("auto: \(truth.name)")
      let pairs = try truth.sample(Self.samples, seed: 1)
      let choice = EstimatorChoice.automatic(pairs, EstimatorChoice.Settings())
      let (value, flags) = try choice.estimator.value(choice.preprocessing.apply(pairs), pool)
      let isNear = abs(value - truth.truth) <= 0.1
      near += isNear ? 1 : 0
      silent += !isNear && flags.isEmpty ? 1 : 0
      rows.append(
        VerificationRow(
          "auto: \(truth.name)", expected: truth.truth, found: value,
          tolerance: isNear || flags.isEmpty ? 0.1 : .infinity,
          note: ([choice.estimator.name] + flags.names).joined(separator: " ")))
    }
    let count = Double(KnownTruth.table.count)
    rows.append(
      VerificationRow(
        "auto: share within 0.1 nats (at least 3/4)", expected: 1, found: Double(near) / count,
        tolerance: 0.25))
    rows.append(
      VerificationRow(
        "auto: values farther off without a flag", expected: 0, found: Double(silent), tolerance: 0)
    )
    return rows
  }

  private func trained() throws -> [VerificationRow] {
    let truth = KnownTruth.sparseNormal(25, active: 2, rho: 0.8)
    // nwj and mine spread more: exp of a score enters their value.
    let critics = [("infonce", 0.15), ("smile", 0.15), ("nwj", 0.25), ("mine", 0.25)]
    return try critics.compactMap { name, tolerance in
      guard let estimator = EstimatorChoice.estimator(name, .init()) else { return nil }
      let (value, note) = try mean(truth, estimator, .none, seeds: 1)
      return VerificationRow(
        "\(name): \(truth.name)", expected: truth.truth, found: value, tolerance: tolerance,
        note: note)
    }
  }

  /// How often a 95 % interval of 500 samples holds the truth, of 100 tries.
  private func coverage() throws -> [VerificationRow] {
    var rows: [VerificationRow] = []
    let tries = 100
    let cases: [(any MutualInformationEstimator, KnownTruth)] = [
      (Kraskov(), .sparseNormal(1, active: 1, rho: 0.75)), (Kraskov(), .denseNormal(2, rho: 0.5)),
      (Kraskov(variant: .two), .sparseNormal(1, active: 1, rho: 0.75)),
      (GaussianInformation(), .sparseNormal(1, active: 1, rho: 0.75)),
      (GaussianInformation(), .denseNormal(5, rho: 0.5)),
      (MixedKraskov(), .binaryChannel(bits: 1, flip: 0.1)),
    ]
    for (estimator, truth) in cases {
      progress("\(estimator.name): coverage, \(truth.name)")
      var covered = 0
      for seed in 1...tries {
        let pairs = try truth.sample(500, seed: UInt64(1000 + seed))
        let plan = ResamplingPlan(resamples: 60, shuffles: 0, seed: UInt64(seed))
        let estimate = try estimator.estimate(pairs, plan, pool)
        covered += estimate.lower <= truth.truth && truth.truth <= estimate.upper ? 1 : 0
      }
      rows.append(
        VerificationRow(
          "\(estimator.name): 95 % intervals that hold the truth, of 100: \(truth.name)",
          expected: 95, found: Double(covered), tolerance: 10))
    }
    return rows
  }

  private func identities() throws -> [VerificationRow] {
    progress("identities")
    let truth = KnownTruth.sparseNormal(1, active: 1, rho: 0.75)
    let pairs = try truth.sample(Self.samples, seed: 9)
    let plain = try Kraskov().value(pairs, pool).value
    let cubed = try PairedSamples(
      SampleMatrix(count: pairs.count, values: pairs.x.values.map { $0 * $0 * $0 + $0 }),
      SampleMatrix(count: pairs.count, values: pairs.y.values.map { exp($0) }))
    let normal = KnownTruth.sparseNormal(2, active: 2, rho: 0.6)
    let chain = try normal.sample(Self.samples, seed: 10)
    let z = SampleMatrix(columns: [chain.y.column(1)])
    let y = SampleMatrix(columns: [chain.y.column(0)])
    let sum =
      try ConditionalInformation.nearestNeighbours(chain.x, y, given: z, pool)
      + Kraskov().value(PairedSamples(chain.x, z), pool).value
    return [
      VerificationRow(
        "ksg: x³ + x and exp y change nothing", expected: plain,
        found: try Kraskov().value(cubed, pool).value, tolerance: 0.03),
      VerificationRow(
        "ksg: exchanging x and y changes nothing", expected: plain,
        found: try Kraskov().value(PairedSamples(pairs.y, pairs.x), pool).value, tolerance: 1e-12),
      VerificationRow(
        "ksg: chain rule I(X;Z) + I(X;Y|Z) = I(X;Y,Z)",
        expected: try Kraskov().value(chain, pool).value, found: sum, tolerance: 0.05),
    ]
  }
}
