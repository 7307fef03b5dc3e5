import Foundation

func _cosine(_ x: Double) -> Double { cos(x) }

extension Philox {
  /// What a stream is for; two purposes never share random numbers.
  public enum Purpose: UInt64, Sendable {
    case initialization = 1, shuffling, capture, dynamics, fitting, null, resampling, noise,
      dropout, validation, perturbation
  }

  /// The stream of `seed` for one purpose and one index (an epoch, a shard, a repetition).
  public init(seed: UInt64, purpose: Purpose, index: UInt64 = 0) {
    self.init(seed: seed, stream: purpose.rawValue << 40 | index)
  }
}
