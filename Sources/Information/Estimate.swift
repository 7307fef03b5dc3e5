/// An estimate of mutual information in nats, with what is needed to believe it or not.
public struct Estimate: Sendable {
  /// Things that make a value less than it seems.
  public struct Flags: OptionSet, Sendable {
    /// Bits as they are stored.
    public let rawValue: UInt8
    /// Flags from stored bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Within 5 % of ln n, the most that n samples can show.
    public static let saturated = Flags(rawValue: 1)
    /// The estimator reads only one of the two variables, so shuffling pairs cannot change it: null = value.
    public static let pairingFree = Flags(rawValue: 2)
    /// The value does not exceed the 97.5 % quantile of its shuffle null.
    public static let notAboveNull = Flags(rawValue: 4)
    /// All samples are equal: there is nothing to estimate.
    public static let constant = Flags(rawValue: 8)
    /// More dimensions than the estimator is known to hold for.
    public static let highDimension = Flags(rawValue: 16)
    /// Training had not levelled off when it ended, or its value on held-out data stayed below 0.
    public static let notConverged = Flags(rawValue: 32)
    /// Equal samples where the estimator assumes a density.
    public static let ties = Flags(rawValue: 64)
    /// The data contradict what the estimator assumes of their distribution.
    public static let misspecified = Flags(rawValue: 128)

    /// Names in the order of the bits, for CF `flag_meanings`.
    public static let meanings =
      "saturated pairing_free not_above_null constant high_dimension not_converged ties misspecified"

    /// Names of the flags that are set.
    public var names: [String] {
      Self.meanings.split(separator: " ").enumerated()
        .filter { rawValue & (1 << UInt8($0.offset)) != 0 }.map { String($0.element) }
    }
  }

  /// The estimate; may be negative, and is then reported as such.
  public var value: Double
  /// Mean over shuffles of the pairing.
  public var null: Double
  /// 97.5 % quantile over shuffles.
  public var nullUpper: Double
  /// 95 % interval by delete-half subsampling.
  public var lower: Double, upper: Double
  /// Warnings.
  public var flags: Flags

  /// An estimate that was not made: all values NaN.
  public static let none = Estimate(
    value: .nan, null: .nan, nullUpper: .nan, lower: .nan, upper: .nan, flags: [])
}

/// How nulls and intervals are made.
public struct ResamplingPlan: Sendable {
  /// Subsamples behind an interval.
  public var resamples: Int
  /// Shuffles behind a null.
  public var shuffles: Int
  /// Seed of both.
  public var seed: UInt64

  /// A plan.
  public init(resamples: Int, shuffles: Int, seed: UInt64) {
    (self.resamples, self.shuffles, self.seed) = (resamples, shuffles, seed)
  }
}

/// Samples that cannot be estimated from.
public struct EstimationError: Error, Sendable, CustomStringConvertible {
  /// What is wrong with them and what would do.
  public let message: String
  /// The message.
  public var description: String { message }
}
