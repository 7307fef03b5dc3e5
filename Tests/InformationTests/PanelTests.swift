import Foundation
import Information
import Kernels
import Testing

/// `auto` on distributions whose information is known: no value is far off without a flag.
@Suite struct PanelTests {
  private let pool = WorkerPool(threadCount: 2)
  private static let isLong = ProcessInfo.processInfo.environment["ISOTHERM_LONG"] == "1"

  /// The whole suite with ISOTHERM_LONG=1; else those of the literature without trained critics, which take half a minute
  /// each, and without searches for twists, of which ``FlowTests`` has some.
  private static let truths: [KnownTruth] =
    isLong
    ? KnownTruth.suite
    : (KnownTruth.panel + KnownTruth.table).filter { truth in
      ![
        "spiral", "pictures", "word counts", "normal 50", "normal 25", "independent 5",
      ].contains { truth.name.hasPrefix($0) } && !truth.name.contains("25 + 25")
    }

  @Test func `no value of auto is far off without a flag, and few right ones are flagged`() throws {
    var (silent, right, flagged): ([String], Int, Int) = ([], 0, 0)
    for truth in Self.truths {
      let began = ContinuousClock.now
      let pairs = try truth.sample(Self.isLong ? 5000 : 2000, seed: 1)
      let found = try PairInformation(pairs, by: "auto", .init(), resamples: 0, shuffles: 0, pool)
      let (value, flags) = (found.estimate.value, found.estimate.flags)
      let isRight = abs(value - truth.truth) <= max(0.1, 0.15 * truth.truth)
      if Self.isLong {
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        let row = String(format: "%.3f for %.3f, %.1f s, ", value, truth.truth, seconds)
        FileHandle.standardError.write(
          Data("\(row)\(found.estimator), \(truth.name): \(flags.names)\n".utf8))
      }
      right += isRight ? 1 : 0
      flagged += isRight && !flags.isEmpty ? 1 : 0
      if !isRight && flags.isEmpty { silent.append("\(truth.name): \(value) for \(truth.truth)") }
    }
    #expect(silent.isEmpty, "\(silent)")
    #expect(10 * flagged <= right, "\(flagged) of \(right) right ones")
    #expect(right * 4 >= Self.truths.count * 3, "\(right) of \(Self.truths.count)")
  }

  @Test func `the suite has more than a hundred truths, each with its own name`() {
    let names = KnownTruth.suite.map(\.name)
    #expect(names.count > 100)
    #expect(Set(names).count == names.count, "\(names.count - Set(names).count) stand twice")
    #expect(KnownTruth.suite.allSatisfy { $0.truth.isFinite && $0.truth >= 0 })
    #expect((KnownTruth.suite.map(\.truth).max() ?? 0) >= 8)
  }

  @Test func `auto states both values where something speaks against it`() throws {
    // Nearest neighbours cannot follow much information in 2 + 2 dimensions with 500 samples; ranks are normal, so that the
    // covariance does.
    let truth = KnownTruth.sparseNormal(2, active: 2, rho: 0.999)
    let found = try PairInformation(
      truth.sample(500, seed: 2), by: "auto", .init(), resamples: 0, shuffles: 0, pool)
    let isRight = abs(found.estimate.value - truth.truth) <= 0.15 * truth.truth
    #expect(isRight || found.estimate.flags.contains(.uncertain))
    let names = found.others.map(\.name)
    #expect(names.contains("gaussian") && names.contains("ksg, n/2"))
    #expect(found.others.allSatisfy { $0.value.isFinite })
  }
}
