import Foundation
import Kernels

/// Information of values that are equal or not: the plug-in estimate H(X) + H(Y) - H(X,Y) over the values as they stand,
/// with Miller & Madow's (1955) correction (cells - 1)/2n of each entropy. In nats.
///
/// What the values are called does not matter. What does not hold: with few samples a cell the correction is not enough
/// (flag `saturated`); of continuous sides every value is its own and the result says nothing.
public struct DiscreteInformation: MutualInformationEstimator {
  /// An estimator.
  public init() {}

  /// Name on the command line and in archives.
  public var name: String { "discrete" }
  /// Its settings in words.
  public var settings: String { "plug-in over equal values, Miller-Madow correction" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .cells }

  /// See ``MutualInformationEstimator/secondOpinions(_:dimension:)``.
  public func secondOpinions(
    _ settings: EstimatorChoice.Settings, dimension: Int
  ) -> [SecondOpinion] {
    [.agreeing(.mixed(settings))]
  }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let (x, y) = (Levels(pairs.x), Levels(pairs.y))
    let joint = Self.joint(x, y)
    let total = Double(pairs.count)
    let isSparse = joint.count > pairs.count / 4
    func entropy(_ counts: some Collection<Int>) -> Double {
      // Sorted, so that the sum depends neither on a hash table nor on the names of the values.
      let sum = counts.sorted().reduce(0.0) { $0 - Double($1) / total * log(Double($1) / total) }
      return isSparse ? sum : sum + Double(counts.count - 1) / (2 * total)
    }
    return (
      entropy(x.counts) + entropy(y.counts) - entropy(joint.values), isSparse ? [.saturated] : []
    )
  }

  /// How often each pair of values stands in the samples.
  static func joint(_ x: Levels, _ y: Levels) -> [UInt64: Int] {
    var joint: [UInt64: Int] = [:]
    for (a, b) in zip(x.codes, y.codes) {
      joint[UInt64(UInt32(bitPattern: a)) << 32 | UInt64(UInt32(bitPattern: b)), default: 0] += 1
    }
    return joint
  }
}
