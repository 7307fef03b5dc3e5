import Kernels

/// Nulls and intervals for statistics that are sums over pairs or groups of samples.
enum Resampling {
  /// 95 % interval by delete-half subsampling (Politis, Romano & Wolf 1999, ch. 2).
  ///
  /// Half of the samples are drawn without replacement; the spread of the statistic over such halves is the spread of
  /// the full statistic, because (1/m)(1 - m/n) = 1/n at m = n/2. The interval is that spread around the value. The
  /// bootstrap is no alternative: repeated samples have distance 0 and bias every kernel and nearest-neighbour sum.
  /// What does not hold: the bias of the estimator itself is not in the interval.
  static func interval(
    _ value: Double, count: Int, _ plan: ResamplingPlan,
    _ statistic: ([Int]) throws -> Double
  ) rethrows -> (lower: Double, upper: Double) {
    let values = try (0..<plan.resamples).map { repetition -> Double in
      var random = Philox(seed: plan.seed, purpose: .resampling, index: UInt64(repetition))
      return try statistic(Array(random.permutation(count).prefix(count / 2)))
    }
    let mean = values.reduce(0, +) / Double(values.count)
    let spread = values.map { $0 - mean }.sorted()
    return (value + quantile(spread, 0.025), value + quantile(spread, 0.975))
  }

  /// The statistic under permutations of one side.
  struct Null {
    /// Over shuffles.
    var mean = Double.nan, upper = Double.nan
    /// (1 + #{null ≥ value}) / (1 + shuffles) (Phipson & Smyth 2010).
    var pValue = Double.nan
    var shuffles = 0

    /// Whether the value is to be called not above its null.
    var flags: Estimate.Flags {
      Verdict(pValue: pValue, shuffles: shuffles) == .notAbove ? [.notAboveNull] : []
    }
  }

  /// Mean, 97.5 % quantile and the rank of `value` among the statistics of shuffled pairs.
  ///
  /// A quantile is no test with few shuffles: of independent samples 6.5 % exceed the interpolated 97.5 % quantile of 20
  /// shuffles, 26 % that of 3. The rank is exact for any number: under exchangeability P(p ≤ α) ≤ α.
  static func null(
    of value: Double, count: Int, _ plan: ResamplingPlan, _ statistic: ([Int]) throws -> Double
  ) rethrows -> Null {
    let values = try (0..<plan.shuffles).map { repetition -> Double in
      var random = Philox(seed: plan.seed, purpose: .null, index: UInt64(repetition))
      return try statistic(plan.order(count, &random))
    }
    guard !values.isEmpty else { return Null() }
    // Values equal in exact arithmetic differ in the last digits of their sums.
    let reach = value - 1e-9 * max(1, abs(value))
    return Null(
      mean: values.reduce(0, +) / Double(values.count),
      upper: quantile(values.sorted(), 0.975),
      pValue: Double(1 + values.count { !($0 < reach) }) / Double(1 + values.count),
      shuffles: values.count)
  }

  /// Linear interpolation between order statistics of sorted values.
  static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let low = Int(place)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }
}
