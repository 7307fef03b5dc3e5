import Foundation
import Information
import Kernels
import Testing

/// Samples that are not independent, and those that are and must not be called dependent.
@Suite struct IndependenceTests {
  private let pool = WorkerPool(threadCount: 2)

  private func flags(_ x: [Double], _ y: [Double], _ name: String = "ksg") throws -> Estimate.Flags
  {
    let count = x.count
    let pairs = try PairedSamples(
      SampleMatrix(count: count, values: x), SampleMatrix(count: count, values: y))
    return try PairInformation(pairs, by: name, .init(), resamples: 0, shuffles: 0, pool).estimate
      .flags
  }

  private func noise(_ count: Int, _ seed: UInt64) -> [Double] {
    var random = Philox(seed: seed, stream: 3)
    return (0..<count).map { _ in random.normal() }
  }

  /// x(t) = memory · x(t - 1) + noise.
  private func series(_ count: Int, memory: Double, _ seed: UInt64) -> [Double] {
    var last = 0.0
    return noise(count, seed).map {
      last = memory * last + $0
      return last
    }
  }

  @Test(arguments: [200, 1000, 5000]) func `series on both sides are flagged, whatever their kind`(
    count: Int
  ) throws {
    func season(_ period: Double, _ seed: UInt64) -> [Double] {
      let turn = 2 * Double.pi / period
      return noise(count, seed).enumerated().map { 2 * sin(turn * Double($0.offset)) + $0.element }
    }
    func wave(_ seed: UInt64) -> [Double] {
      let scale = series(count, memory: 0.95, seed)
      return zip(noise(count, seed + 50), scale).map { $0 * exp($1) }
    }
    let states = series(count, memory: 0.98, 13).map { $0 > 2 ? 7.0 : $0 < -2 ? 1e6 : -3 }
    let cases: [(String, [Double], [Double])] = [
      ("random walks", series(count, memory: 1, 1), series(count, memory: 1, 2)),
      ("memory 0.8", series(count, memory: 0.8, 3), series(count, memory: 0.8, 4)),
      ("seasons", season(12, 5), season(12, 6)), ("loudness", wave(7), wave(8)),
      ("a trend", (0..<count).map(Double.init), series(count, memory: 1, 9)),
      ("states", series(count, memory: 0.95, 10), states),
    ]
    for (name, x, y) in cases where count >= 1000 || name != "loudness" {
      #expect(try flags(x, y).contains(.serialDependence), "\(name), \(count)")
      #expect(try flags(y, x).contains(.serialDependence), "\(name), \(count)")
    }
  }

  @Test func `two random walks are not above a null that turns one against the other`() throws {
    var above = 0
    for seed in 1...10 as ClosedRange<UInt64> {
      let pairs = try PairedSamples(
        SampleMatrix(count: 500, values: series(500, memory: 1, 2 * seed)),
        SampleMatrix(count: 500, values: series(500, memory: 1, 2 * seed + 1)))
      let found = try PairInformation(pairs, by: "ksg", .init(), resamples: 0, pool)
      #expect(found.estimate.value > 0.2, "the walks look dependent")
      above += found.verdict == .above ? 1 : 0
    }
    #expect(above <= 2, "\(above) of 10")
  }

  @Test func `independent samples and one series alone are not flagged`() throws {
    var called = 0
    for seed in 1...200 as ClosedRange<UInt64> {
      let count = [50, 300, 1000][Int(seed) % 3]
      let x = seed % 2 == 0 ? noise(count, seed) : series(count, memory: 0.9, seed)
      let y = zip(x, noise(count, 1000 + seed)).map { 0.5 * $0 + $1 }
      // The second series is noise plus a share of the first: half of these are series on both sides, and left out.
      let other = seed % 2 == 0 ? y : noise(count, 2000 + seed)
      let found = try flags(x, other, "gaussian")
      called += found.contains(.serialDependence) || found.contains(.duplicates) ? 1 : 0
    }
    #expect(called <= 1, "\(called) of 200")
  }

  @Test(arguments: [2, 3, 10]) func `copied pairs are flagged, in any order and rounding`(
    copies: Int
  ) throws {
    let (x, y) = (noise(200, 21), noise(200, 22))
    for step in [0, 0.01, 0.1] {
      func recorded(_ values: [Double]) -> [Double] {
        step == 0 ? values : values.map { ($0 / step).rounded() * step }
      }
      let (a, b) = (recorded(x), recorded(y))
      let blocks = (0..<copies).flatMap { _ in Array(a.indices) }
      let runs = a.indices.flatMap { [Int](repeating: $0, count: copies) }
      var random = Philox(seed: 23, stream: 1)
      let mixed = random.permutation(blocks.count).map { blocks[$0] }
      for order in [blocks, runs, mixed] {
        let found = try flags(order.map { a[$0] }, order.map { b[$0] })
        #expect(found.contains(.duplicates), "\(copies) copies, step \(step)")
      }
      // A class beside a value.
      let classes = a.map { $0 > 0 ? 1.0 : 2 }
      if step == 0 {
        let found = try flags(mixed.map { classes[$0] }, mixed.map { b[$0] }, "mixed-ksg")
        #expect(found.contains(.duplicates), "\(copies) copies of a class and a value")
      }
    }
  }

  @Test func `samples drawn with replacement are flagged`() throws {
    let (x, y) = (noise(500, 31), noise(500, 32))
    var random = Philox(seed: 33, stream: 1)
    let drawn = (0..<500).map { _ in Int(random.uniform() * 500) }
    #expect(try flags(drawn.map { x[$0] }, drawn.map { y[$0] }).contains(.duplicates))
  }

  @Test func `rounding and classes alone are no copies`() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      for rho in [0, 0.5, 0.9, 0.99] {
        let pairs = try KnownTruth.sparseNormal(1, active: 1, rho: rho).sample(1000, seed: seed)
        for step in [0.01, 0.05, 0.1, 0.3, 1] {
          func recorded(_ values: [Double]) -> [Double] {
            values.map { ($0 / step).rounded() * step }
          }
          let found = try flags(recorded(pairs.x.values), recorded(pairs.y.values), "gaussian")
          #expect(!found.contains(.duplicates), "ρ \(rho), step \(step), seed \(seed)")
        }
      }
    }
  }

  @Test(arguments: [3, 20, 39, 100])
  func `the null calls one in forty independent samples dependent`(shuffles: Int) throws {
    let tries = 400
    var above = 0
    for seed in 1...UInt64(tries) {
      let pairs = try PairedSamples(
        SampleMatrix(count: 60, values: noise(60, 10_000 + seed)),
        SampleMatrix(count: 60, values: noise(60, 20_000 + seed)))
      var options = EstimatorChoice.Settings()
      options.seed = seed
      let found = try PairInformation(
        pairs, by: "gaussian", options, resamples: 0, shuffles: shuffles, pool)
      let p = found.estimate.pValue
      #expect(p >= 1 / Double(shuffles + 1) && p <= 1)
      above += found.verdict == .above ? 1 : 0
      #expect((found.verdict == .notAbove) == found.estimate.flags.contains(.notAboveNull))
      if shuffles < 39 { #expect(found.verdict != .above) }
    }
    // 0.025 · 400 = 10, standard deviation 3.1; 100 shuffles reach 2/101 only.
    #expect(above <= 20, "\(above) of \(tries)")
    if shuffles >= 39 { #expect(above >= 1, "a test that never rejects") }
  }

  @Test func `a trained critic's p-value is that of its held-out pairs`() throws {
    let dependent = try KnownTruth.sparseNormal(2, active: 2, rho: 0.8).sample(300, seed: 41)
    let strong = try PairInformation(
      dependent, by: "infonce", .init(), resamples: 0, shuffles: 1, pool)
    #expect(strong.verdict == .above && strong.isHeldOutTest)
    #expect(strong.estimate.pValue < 0.01)
    let independent = try PairedSamples(
      SampleMatrix(count: 300, values: noise(600, 42)),
      SampleMatrix(count: 300, values: noise(600, 43)))
    let none = try PairInformation(
      independent, by: "infonce", .init(), resamples: 0, shuffles: 1, pool)
    #expect(none.verdict == .notAbove)
  }
}
