import Kernels

/// Percentile bootstrap over samples (Efron 1979).
///
/// For statistics that are smooth functions of sample means. Not for nearest-neighbour or kernel sums, where a repeated
/// sample has distance 0.
public struct Bootstrap: Sendable {
  private let draws: [[Int]]

  /// `repetitions` resamples of `count` samples, from `seed`.
  public init(count: Int, repetitions: Int = 1000, seed: UInt64) {
    draws = (0..<repetitions).map { repetition in
      var random = Philox(seed: seed, purpose: .resampling, index: UInt64(repetition))
      return (0..<count).map { _ in Int(random.uniform() * Double(count)) }
    }
  }

  /// 95 % interval of a statistic of the chosen samples; NaN when it is not a number for some of the draws, which leaves their
  /// order open.
  public func interval(_ statistic: ([Int]) -> Double) -> (lower: Double, upper: Double) {
    let values = draws.map(statistic).sorted()
    guard !values.isEmpty, !values.contains(where: \.isNaN) else { return (.nan, .nan) }
    func quantile(_ share: Double) -> Double {
      let place = share * Double(values.count - 1)
      let low = Int(place)
      let high = min(low + 1, values.count - 1)
      return values[low] + (place - Double(low)) * (values[high] - values[low])
    }
    return (quantile(0.025), quantile(0.975))
  }

  /// 95 % interval of a mean.
  public func interval(ofMean values: [Double]) -> (lower: Double, upper: Double) {
    interval { chosen in chosen.reduce(0) { $0 + values[$1] } / Double(chosen.count) }
  }
}
