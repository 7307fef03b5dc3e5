import Foundation
import Information
import Kernels
import Testing

/// What few samples hide, what a thin side invents, and what is reported as it was done.
@Suite struct HiddenTwistTests {
  private let pool = WorkerPool(threadCount: 2)

  private func normals(_ count: Int, seed: UInt64) -> [Double] {
    var random = Philox(seed: seed, stream: 11)
    return (0..<count).map { _ in random.normal() }
  }

  private func found(
    _ pairs: PairedSamples, by name: String, _ preprocessing: Preprocessing? = nil,
    shuffles: Int = 0
  ) throws -> PairInformation {
    try PairInformation(
      pairs, by: name, .init(), preprocessing: preprocessing, resamples: 0, shuffles: shuffles,
      pool)
  }

  /// Correlated by `correlation`, column by column; x turned by an angle that grows with its length unless `speed` is 0.
  private func spiral(
    _ count: Int, _ d: Int, _ correlation: Double, speed: Double, seed: UInt64
  ) throws -> PairedSamples {
    var x = normals(count * d, seed: seed)
    let noise = normals(count * d, seed: seed + 1)
    let rest = (1 - correlation * correlation).squareRoot()
    let y = zip(x, noise).map { correlation * $0 + rest * $1 }
    for row in 0..<count {
      let place = row * d
      let square = x[place..<place + d].reduce(0) { $0 + $1 * $1 }
      let angle = speed * square / Double(d).squareRoot()
      let (a, b) = (x[place], x[place + 1])
      x[place] = cos(angle) * a - sin(angle) * b
      x[place + 1] = sin(angle) * a + cos(angle) * b
    }
    return try PairedSamples(
      SampleMatrix(count: count, values: x), SampleMatrix(count: count, values: y))
  }

  @Test(arguments: [(600, 4), (1000, 8), (2000, 6)])
  func `a twist that few samples hide from a check of normality is found`(
    count: Int, d: Int
  ) throws {
    let truth = -0.5 * Double(d) * log(1 - 0.55 * 0.55)
    let twisted = try found(spiral(count, d, 0.55, speed: 0.8, seed: 21), by: "auto")
    #expect(twisted.estimator == "flow", "\(twisted.reason)")
    #expect(abs(twisted.estimate.value - truth) < 0.15, "\(twisted.estimate.value) for \(truth)")
    let plain = try found(spiral(count, d, 0.55, speed: 0, seed: 21), by: "auto")
    #expect(plain.estimator == "gaussian", "\(plain.reason)")
    #expect(abs(plain.estimate.value - truth) < 0.15, "\(plain.estimate.value) for \(truth)")
  }

  @Test func `flow says when it learned no twist`() throws {
    let plain = try found(spiral(800, 3, 0.5, speed: 0, seed: 5), by: "flow")
    #expect(plain.settings.contains("no twist"))
    let twisted = try found(spiral(800, 3, 0.8, speed: 0.8, seed: 5), by: "flow")
    #expect(!twisted.settings.contains("no twist"))
  }

  @Test func `lnc says when a side is thin by itself`() throws {
    let (u, v, w) = (normals(1500, seed: 1), normals(1500, seed: 2), normals(1500, seed: 3))
    let y = try SampleMatrix(count: 1500, values: zip(u, w).map { 0.5 * $0 + 0.87 * $1 })
    for (spread, isThin) in [(1e-3, true), (1, false)] {
      let x = try SampleMatrix(
        count: 1500, values: zip(u, v).flatMap { [$0, $0 + spread * $1] })
      for pairs in try [PairedSamples(x, y), PairedSamples(y, x)] {
        #expect(try found(pairs, by: "lnc").estimate.flags.contains(.misspecified) == isThin)
      }
    }
  }

  @Test func `a p-value by exchanged pairs is not given for series`() throws {
    func walk(_ seed: UInt64) throws -> SampleMatrix {
      var sum = [0.0, 0, 0]
      let steps = normals(1500, seed: seed)
      let values = (0..<1500).map { place -> Double in
        sum[place % 3] += steps[place]
        return sum[place % 3]
      }
      return try SampleMatrix(count: 500, values: values)
    }
    let series = try found(PairedSamples(walk(31), walk(32)), by: "flow", shuffles: 3)
    #expect(!series.isHeldOutTest && series.estimate.flags.contains(.serialDependence))
    #expect(series.verdict == .undecided)
    let independent = try found(spiral(500, 3, 0.5, speed: 0, seed: 5), by: "flow", shuffles: 3)
    #expect(independent.isHeldOutTest && independent.verdict == .above)
  }

  @Test func `a transform that would not be applied is refused, or not reported`() throws {
    let pairs = try spiral(500, 3, 0.5, speed: 0, seed: 5)
    for transform in [Preprocessing.standard, .rank, .asinh] {
      #expect(throws: EstimationError.self) { try found(pairs, by: "flow", transform) }
    }
    #expect(try found(pairs, by: "flow").preprocessing == .none)
    #expect(try found(pairs, by: "flow", Preprocessing.none).preprocessing == .none)
    #expect(try found(pairs, by: "ksg", .rank).preprocessing == .rank)
  }
}
