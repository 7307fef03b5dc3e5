import Arrays
import Console
import Metrics

/// Sentences that analyses share: what was left out, and what is not a number.
enum Notes {
  /// Models that were planned and whose fields are not there, or not whole.
  static func unfinished(_ models: [String], _ what: String = "fitted") -> [String] {
    models.map { "\($0): not \(what) yet; left out." }
  }

  /// What is not finite of some samples, by name and place; nil where all is.
  static func broken(
    _ name: String, _ what: String, _ counts: [(place: String, broken: Int)], of samples: Int,
    so consequence: String = "what is computed from them is not a number (–)"
  ) -> String? {
    let places = counts.filter { $0.broken > 0 }
    guard let worst = places.map(\.broken).max() else { return nil }
    return "\(name): \(what) of \(worst) of \(samples) samples are not finite at "
      + places.map(\.place).joined(separator: ", ")
      + "; \(consequence)."
  }

  /// Samples whose values are not finite.
  static func brokenCount(_ values: NDArray<Float>) -> Int {
    StateComparison.broken(values).filter { $0 }.count
  }

  /// What biased CKA makes of independent noise, where that is much.
  static func bias(_ kernel: CenteredKernelAlignment?) -> [String] {
    guard let kernel, kernel.isBiased else { return [] }
    return [
      "CKA is biased upwards: of independent noise, \(kernel.sampleCount) samples of \(kernel.dimension) numbers, it is about "
        + "\(Format.fixed(kernel.noiseAlignment, 2)). The debiased one, from the unbiased HSIC of Song et al. (2012), is about 0 there: "
        + "read that one."
    ]
  }
}
