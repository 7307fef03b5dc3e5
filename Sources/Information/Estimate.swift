import Kernels

/// An estimate of mutual information in nats, with what is needed to believe it or not.
public struct Estimate: Sendable {
  /// Things that make a value less than it seems.
  public struct Flags: OptionSet, Sendable {
    /// Bits as they are stored.
    public let rawValue: UInt16
    /// Flags from stored bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Within 5 % of ln n, the most that n samples can show.
    public static let saturated = Flags(rawValue: 1)
    /// The estimator reads only one of the two variables, so shuffling pairs cannot change it: null = value.
    public static let pairingFree = Flags(rawValue: 2)
    /// The rank among its shuffle null does not reach the level of 2.5 %, or could not and a shuffle was as high; see
    /// ``Verdict``.
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

    /// Another estimator, or the growth with the number of samples, speaks for another value; both are stated.
    public static let uncertain = Flags(rawValue: 256)
    /// Samples that follow each other are alike on both sides: they are not independent, and intervals and nulls are too
    /// narrow.
    public static let serialDependence = Flags(rawValue: 512)
    /// More pairs stand in the data twice than chance explains.
    public static let duplicates = Flags(rawValue: 1024)

    /// Names in the order of the bits.
    public static let allMeanings = meanings + " uncertain serial_dependence duplicates"

    /// Names of the eight bits that archives of layers keep, for CF `flag_meanings`. The others speak of the order and
    /// origin of samples, which a run's own capture settles.
    public static let meanings =
      "saturated pairing_free not_above_null constant high_dimension not_converged ties misspecified"

    /// The bits that archives of layers keep.
    public var archived: UInt8 { UInt8(truncatingIfNeeded: rawValue) }

    /// Names of the flags that are set.
    public var names: [String] {
      Self.allMeanings.split(separator: " ").enumerated()
        .filter { rawValue & (1 << UInt16($0.offset)) != 0 }.map { String($0.element) }
    }
  }

  /// The estimate; may be negative, and is then reported as such.
  public var value: Double
  /// Mean over shuffles of the pairing.
  public var null: Double
  /// 97.5 % quantile over shuffles, for drawing; the verdict follows ``pValue``.
  public var nullUpper: Double
  /// (1 + shuffles as high as the value) / (1 + shuffles): the chance of so high a rank without dependence, right at any
  /// number of shuffles. NaN without shuffles.
  public var pValue = Double.nan
  /// 95 % interval by delete-half subsampling.
  public var lower: Double, upper: Double
  /// Warnings.
  public var flags: Flags

  /// An estimate that was not made: all values NaN.
  public static let none = Estimate(
    value: .nan, null: .nan, nullUpper: .nan, lower: .nan, upper: .nan, flags: [])
}

/// What a shuffle null says of a value.
public enum Verdict: String, Sendable {
  /// The p-value is at most the level.
  case above
  /// It is not.
  case notAbove = "not above"
  /// No shuffle was as high, but there are too few of them to reach the level.
  case undecided
  /// No shuffles were made.
  case none

  /// The level: of independent samples one in forty is called above its null.
  public static let level = 0.025
  /// The fewest shuffles whose p-value can reach the level.
  public static let fewestShuffles = 39

  /// Exchanges of partners among the held-out pairs of a trained critic.
  static let exchanges = 999

  /// Of a p-value from this many shuffles.
  public init(pValue: Double, shuffles: Int) {
    if shuffles == 0 || pValue.isNaN {
      self = .none
    } else if pValue <= Self.level {
      self = .above
    } else {
      // One over one more than the shuffles is the least there can be.
      self =
        shuffles < Self.fewestShuffles && pValue * Double(shuffles + 1) < 1.5
        ? .undecided : .notAbove
    }
  }
}

/// How nulls and intervals are made.
public struct ResamplingPlan: Sendable {
  /// Subsamples behind an interval.
  public var resamples: Int
  /// Shuffles behind a null.
  public var shuffles: Int
  /// Seed of both.
  public var seed: UInt64
  /// Nulls by turning one side against the other, the last samples before the first, in place of shuffling: it leaves each
  /// side's own order as it is, as nulls of serially dependent samples must.
  public var isCircular = false

  /// A plan.
  public init(resamples: Int, shuffles: Int, seed: UInt64) {
    (self.resamples, self.shuffles, self.seed) = (resamples, shuffles, seed)
  }

  /// The order of one side in a null: any, or turned by a twentieth of the samples or more.
  func order(_ count: Int, _ random: inout Philox) -> [Int] {
    guard isCircular else { return random.permutation(count) }
    let least = max(1, count / 20)
    let turn = least + Int(random.uniform() * Double(max(1, count - 2 * least)))
    return (0..<count).map { ($0 + turn) % count }
  }
}

/// Samples that cannot be estimated from.
public struct EstimationError: Error, Sendable, CustomStringConvertible {
  /// What is wrong with them and what would do.
  public let message: String
  /// The message.
  public var description: String { message }
}
