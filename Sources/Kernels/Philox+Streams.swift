import Foundation

func _cosine(_ x: Double) -> Double { cos(x) }

extension Philox {
  /// What a stream is for; two purposes never share random numbers.
  public enum Purpose: UInt64, Sendable, CaseIterable {
    case initialization = 1, shuffling, capture, dynamics, fitting, null, resampling, noise,
      dropout, validation, perturbation
  }

  /// A stream's number is its purpose times two to this power, plus its index.
  public static var purposeShift: Int { 40 }

  /// The stream of `seed` for one purpose and one index (an epoch, a shard, a repetition).
  public init(seed: UInt64, purpose: Purpose, index: UInt64 = 0) {
    self.init(seed: seed, stream: purpose.rawValue << UInt64(Self.purposeShift) | index)
  }
}
