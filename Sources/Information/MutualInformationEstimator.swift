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
  /// What it makes of its samples, which decides how repeated values and classes are treated.
  var treatment: Treatment.Kind { get }

  /// What its values are doubted by when `auto` chose it; `dimension` is that of both sides together.
  func secondOpinions(
    _ settings: EstimatorChoice.Settings, dimension: Int
  ) -> [SecondOpinion]

  /// The estimate from all pairs, never clipped, with what speaks against it.
  /// - Throws: ``EstimationError`` for samples it cannot be applied to.
  func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags)

  /// The estimator with what it learns from these pairs before it estimates, so that ``settings`` can say what that was.
  func fitted(to pairs: PairedSamples, _ pool: WorkerPool) -> any MutualInformationEstimator

  /// The value alone, for shuffles and subsamples: what only makes flags is left out.
  func bareValue(_ pairs: PairedSamples, _ pool: WorkerPool) throws -> Double

  /// The value, its flags, and where the estimator has a test of its own for less than a fit a shuffle, that test's p-value.
  ///
  /// Such a test exchanges partners among held-out pairs, which holds for independent ones alone: none with a circular plan.
  func tested(
    _ pairs: PairedSamples, _ plan: ResamplingPlan, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags, pValue: Double?)
}

extension MutualInformationEstimator {
  /// No random choices unless an estimator says so.
  public var seed: UInt64? { nil }
  /// Resampled unless an estimator says no.
  public var isResampled: Bool { true }
  /// Smooth functions of the samples unless an estimator says otherwise.
  public var treatment: Treatment.Kind { .smooth }

  /// Itself: nothing to learn beforehand.
  public func fitted(
    to pairs: PairedSamples, _ pool: WorkerPool
  ) -> any MutualInformationEstimator { self }

  /// As ``value(_:_:)``.
  public func bareValue(_ pairs: PairedSamples, _ pool: WorkerPool) throws -> Double {
    try value(pairs, pool).value
  }
  /// No test but that of the shuffles.
  public func tested(
    _ pairs: PairedSamples, _ plan: ResamplingPlan, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags, pValue: Double?) {
    let (value, flags) = try value(pairs, pool)
    return (value, flags, nil)
  }

  /// The estimate with its shuffle null, interval and flags.
  ///
  /// Cost: shuffles + resamples / 2 more estimates.
  /// - Throws: ``EstimationError``, see ``value(_:_:)``.
  public func estimate(
    _ pairs: PairedSamples, _ plan: ResamplingPlan, _ pool: WorkerPool
  ) throws -> Estimate {
    guard !pairs.isConstant else {
      return Estimate(
        value: 0, null: 0, nullUpper: 0, pValue: 1, lower: .nan, upper: .nan,
        flags: [.constant, .notAboveNull])
    }
    var (value, flags, own) = try tested(pairs, plan, pool)
    var null = try Resampling.null(of: value, count: pairs.count, plan) {
      try bareValue(pairs.shuffled($0), pool)
    }
    if let own {
      null.pValue = own
      if !(own <= Verdict.level) { flags.insert(.notAboveNull) }
    } else {
      flags.formUnion(null.flags)
    }
    var interval = (lower: Double.nan, upper: Double.nan)
    if isResampled && plan.resamples > 1 && pairs.count >= 16 {
      interval = try Resampling.interval(value, count: pairs.count, plan) {
        try bareValue(pairs.rows($0), pool)
      }
    }
    return Estimate(
      value: value, null: null.mean, nullUpper: null.upper, pValue: null.pValue,
      lower: interval.lower, upper: interval.upper, flags: flags)
  }
}
