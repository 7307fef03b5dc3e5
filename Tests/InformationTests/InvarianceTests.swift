import Foundation
import Information
import Kernels
import Testing

/// Every estimator under what other people's data bring: units, offsets, orders of rows, rounding, and names of classes.
/// The answer stays the same within noise, or a flag says why not.
@Suite struct InvarianceTests {
  private let pool = WorkerPool(threadCount: 2)
  private static let isLong = ProcessInfo.processInfo.environment["ISOTHERM_LONG"] == "1"
  /// Trained estimators take a second each at this size: one of them stands for all outside the long run.
  private static let names = EstimatorChoice.names.filter {
    isLong || !["smile", "nwj", "mine", "latent", "discrete", "radial"].contains($0)
  }
  private static let fitted: Set = ["infonce", "smile", "nwj", "mine", "latent"]

  private func estimate(
    _ x: [Double], _ y: [Double], _ name: String, columns: Int = 1
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let pairs = try PairedSamples(
      SampleMatrix(count: x.count / columns, values: x),
      SampleMatrix(count: y.count / columns, values: y))
    let found = try PairInformation(pairs, by: name, .init(), resamples: 0, shuffles: 0, pool)
    return (found.estimate.value, found.estimate.flags)
  }

  private func normal(
    _ rho: Double, _ count: Int, seed: UInt64
  ) throws -> (x: [Double], y: [Double]) {
    let pairs = try KnownTruth.sparseNormal(1, active: 1, rho: rho).sample(count, seed: seed)
    return (pairs.x.values, pairs.y.values)
  }

  /// Same value within `noise`, or flagged with something that was not there.
  private func expectSame(
    _ found: (value: Double, flags: Estimate.Flags),
    _ plain: (value: Double, flags: Estimate.Flags), within noise: Double, _ what: String
  ) {
    let isFlagged = !found.flags.subtracting(plain.flags).isEmpty
    #expect(
      abs(found.value - plain.value) <= noise || isFlagged,
      "\(what): \(plain.value) became \(found.value), \(found.flags.names)")
  }

  @Test(arguments: names) func `units and offsets do not matter`(name: String) throws {
    let count = 400
    let (x, y) = try normal(0.9, count, seed: 3)
    let plain = try estimate(x, y, name)
    let fitted = Self.fitted.contains(name)
    let changes: [(a: Double, b: Double)] =
      fitted && !Self.isLong
      ? [(1e-12, 0), (1e12, 1e9)]
      : [
        (1e-12, 0), (1e-12, 1e9), (1e-6, 1e9), (1e-3, -1e9), (1, 1e9), (1000, 0), (-1, 17),
        (1e12, 1e9), (1e160, 0), (1e-200, 0), (-1e307, 1e306),
      ]
    for (a, b) in changes {
      // A stored offset leaves steps of 1e-7 of the values: where those are the size of the values, noise is what is left.
      let isExact = b == 0 && a > 0
      let noise = fitted ? 0.1 : isExact ? 1e-5 : 0.05
      expectSame(
        try estimate(x.map { a * $0 + b }, y, name), plain, within: noise, "\(name), x \(a) \(b)")
      expectSame(
        try estimate(x.map { a * $0 + b }, y.map { b - a * $0 }, name), plain,
        within: fitted ? 0.1 : 0.05, "\(name), both \(a) \(b)")
    }
  }

  @Test(arguments: names) func `columns of one side may have units of their own`(
    name: String
  ) throws {
    let count = Self.fitted.contains(name) ? 300 : 400
    let pairs = try KnownTruth.sparseNormal(2, active: 2, rho: 0.8).sample(count, seed: 4)
    let plain = try estimate(pairs.x.values, pairs.y.values, name, columns: 2)
    let units = pairs.x.values.enumerated().map { ($0.offset % 2 == 0 ? 1e6 : 1) * $0.element }
    expectSame(
      try estimate(units, pairs.y.values, name, columns: 2), plain,
      within: Self.fitted.contains(name) ? 0.1 : 1e-3, name)
  }

  @Test(arguments: names) func `the order of independent rows does not matter`(
    name: String
  ) throws {
    let count = name == "renyi" ? 1500 : 400
    let (x, y) = try normal(0.9, count, seed: 5)
    let plain = try estimate(x, y, name)
    // Critics draw other folds, renyi other samples; kde adds up in single precision.
    let noise = Self.fitted.contains(name) ? 0.25 : name == "renyi" ? 0.1 : 1e-5
    let sorted = x.indices.sorted { x[$0] < x[$1] }
    for order in [Array(x.indices.reversed()), sorted] {
      let found = try estimate(order.map { x[$0] }, order.map { y[$0] }, name)
      expectSame(found, plain, within: noise, name)
      #expect(!found.flags.contains(.serialDependence), "\(name): sorted rows are no series")
    }
  }

  @Test(arguments: names) func `rounded values tell what they told before`(name: String) throws {
    let count = Self.fitted.contains(name) ? 400 : 1000
    for (rho, seed) in [(0.9, 6), (0.6, 7)] as [(Double, UInt64)] {
      let (x, y) = try normal(rho, count, seed: seed)
      let plain = try estimate(x, y, name)
      for step in [0.001, 0.01, 0.1, 0.2] {
        func rounded(_ values: [Double]) -> [Double] { values.map { ($0 / step).rounded() * step } }
        for (a, b) in [(rounded(x), rounded(y)), (rounded(x), y)] {
          expectSame(
            try estimate(a, b, name), plain, within: Self.fitted.contains(name) ? 0.15 : 0.08,
            "\(name), ρ \(rho), step \(step)")
        }
      }
    }
  }

  @Test(arguments: [0.05, 0.1, 0.25, 0.5, 1])
  func `neighbours of rounded values find their truth`(step: Double) throws {
    for rho in [0.3, 0.6, 0.9] {
      let truth = KnownTruth.rounded(rho: rho, step: step)
      let pairs = try truth.sample(2000, seed: 8)
      for name in ["auto", "ksg", "ksg2", "mixed-ksg"] {
        for scale in [1, 1e-9, 1e7] {
          let (value, flags) = try estimate(
            pairs.x.values.map { scale * $0 }, pairs.y.values.map { $0 + 1e5 }, name)
          #expect(
            abs(value - truth.truth) < 0.07, "\(name), \(truth.name): \(value), \(truth.truth)")
          #expect(!flags.contains(.ties), "\(name)")
        }
      }
    }
  }

  @Test(arguments: names) func `classes may be called anything`(name: String) throws {
    let count = Self.fitted.contains(name) ? 300 : 600
    let truth = KnownTruth.classes([0, 1, 2, 3], apart: 3)
    let pairs = try truth.sample(count, seed: 9)
    let plain = try estimate(pairs.x.values, pairs.y.values, name)
    // Few samples, wide kernels, ten bins: definitions of their own.
    if ["auto", "ksg", "ksg2", "mixed-ksg", "sliced"].contains(name) {
      #expect(abs(plain.value - truth.truth) < 0.1, "\(name): \(plain.value)")
    }
    let isExact = ["auto", "mixed-ksg", "discrete", "binning", "kde", "renyi"].contains(name)
    for codes in [[1, 2, 3, 1e6], [2, 0, 3, 1], [-5, 3.7, 1e-9, 2e8], [7, 6, 5, 4]] {
      let found = try estimate(pairs.x.values, pairs.y.values.map { codes[Int($0)] }, name)
      if ["gaussian", "radial", "student", "flow"].contains(name) {
        #expect(found.flags.contains(.misspecified), "\(codes)")
      } else {
        expectSame(
          found, plain, within: isExact ? 1e-6 : Self.fitted.contains(name) ? 0.2 : 0.08,
          "\(name), \(codes)")
      }
    }
  }

  @Test func `what is left without a treatment is flagged or refused`() throws {
    let truth = KnownTruth.rounded(rho: 0.9, step: 1)
    let pairs = try truth.sample(500, seed: 10)
    let raw = try PairInformation(
      pairs, by: "ksg", .init(), preprocessing: Preprocessing.none, resamples: 0, shuffles: 0, pool)
    #expect(raw.estimate.flags.contains(.ties))
    #expect(!raw.notes.contains { $0.contains("spread evenly") })
    let treated = try PairInformation(
      pairs, by: "ksg", .init(), resamples: 0, shuffles: 0, pool)
    #expect(treated.notes.count == 2)
    #expect(treated.notes.allSatisfy { $0.contains("spread evenly") })
  }

  @Test func `tiny, constant and unusable samples are told, never guessed`() throws {
    var random = Philox(seed: 11, stream: 1)
    for count in 4...20 {
      let x = (0..<count).map { _ in random.normal() }
      let y = (0..<count).map { _ in random.normal() }
      for name in Self.names {
        do {
          let (value, _) = try estimate(x, y, name)
          #expect(value.isFinite, "\(name) of \(count)")
        } catch let error as EstimationError {
          #expect(error.message.contains("sample") || error.message.contains("pairs"), "\(error)")
        }
        let (value, flags) = try estimate(x, [Double](repeating: 0.1, count: count), name)
        #expect(value == 0 && flags.contains(.constant), "\(name)")
      }
    }
    for bad in [Double.nan, .infinity, -.infinity] {
      #expect(throws: EstimationError.self) {
        try SampleMatrix(count: 5, values: [1, 2, bad, 4, 5])
      }
    }
    #expect(throws: EstimationError.self) { try estimate([1, 2, 3, 4], [4, 2, 3, 1], "kgs") }
  }
}
