import Kernels

/// An estimator of I(X;Y) in nats from samples of pairs.
public protocol MutualInformationEstimator: Sendable {
  /// Its name on the command line and in archives.
  var name: String { get }
  /// Its settings in words, printed beside every value.
  var settings: String { get }
  /// Seed of its own random choices; nil when it makes none.
  var seed: UInt64? { get }
  /// Whether resampling gives an interval for it; trained critics take minutes a fit and state none.
  var isResampled: Bool { get }

  /// The estimate from all pairs, never clipped, with what speaks against it.
  /// - Throws: ``EstimationError`` for samples it cannot be applied to.
  func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags)
}

extension MutualInformationEstimator {
  /// No random choices unless an estimator says so.
  public var seed: UInt64? { nil }
  /// Resampled unless an estimator says no.
  public var isResampled: Bool { true }

  /// The estimate with its shuffle null, interval and flags.
  ///
  /// Cost: shuffles + resamples / 2 more estimates.
  /// - Throws: ``EstimationError``, see ``value(_:_:)``.
  public func estimate(
    _ pairs: PairedSamples, _ plan: ResamplingPlan, _ pool: WorkerPool
  ) throws -> Estimate {
    guard !pairs.isConstant else {
      return Estimate(
        value: 0, null: 0, nullUpper: 0, lower: .nan, upper: .nan,
        flags: [.constant, .notAboveNull])
    }
    var (value, flags) = try value(pairs, pool)
    var null = (mean: Double.nan, upper: Double.nan)
    if plan.shuffles > 0 {
      null = try Resampling.null(count: pairs.count, plan) {
        try self.value(pairs.shuffled($0), pool).value
      }
      if !(value > null.upper) { flags.insert(.notAboveNull) }
    }
    var interval = (lower: Double.nan, upper: Double.nan)
    if isResampled && plan.resamples > 1 && pairs.count >= 16 {
      interval = try Resampling.interval(value, count: pairs.count, plan) {
        try self.value(pairs.rows($0), pool).value
      }
    }
    return Estimate(
      value: value, null: null.mean, nullUpper: null.upper, lower: interval.lower,
      upper: interval.upper, flags: flags)
  }
}
