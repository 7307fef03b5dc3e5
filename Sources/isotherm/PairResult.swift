import Console
import Information

/// One estimate of two datasets, as it is printed.
struct PairResult: Encodable {
  /// A value beside the estimate.
  struct Other: Encodable {
    var name: String
    var value: Double
  }

  var estimator: String
  var settings: String
  var transform: String
  var reason: String
  var value: Double
  var units = "nat"
  var null: Double
  var nullUpper: Double
  var pValue: Double
  var verdict: String
  var lower: Double
  var upper: Double
  var flags: [String]
  var notes: [String]
  var others: [Other]
  var samples: Int
  var dimensionX: Int
  var dimensionY: Int
  var seed: UInt64
  var shuffles: Int
  var resamples: Int
  var seconds: Double
  private let isHeldOut: Bool

  enum CodingKeys: String, CodingKey {
    case estimator, settings, transform, reason, value, units, null, verdict, lower, upper, flags
    case notes, others, samples, seed, shuffles, resamples, seconds
    case nullUpper = "null_upper"
    case pValue = "p_value"
    case dimensionX = "dimension_x"
    case dimensionY = "dimension_y"
  }

  /// `reading` tells what was done to the stored values before they were samples.
  init(
    _ found: PairInformation, samples: Int, dimensionX: Int, dimensionY: Int, seed: UInt64,
    seconds: Double, reading: [String]
  ) {
    let estimate = found.estimate
    (estimator, settings, reason) = (found.estimator, found.settings, found.reason)
    (transform, verdict) = (found.preprocessing.rawValue, found.verdict.rawValue)
    (value, null, nullUpper) = (estimate.value, estimate.null, estimate.nullUpper)
    (pValue, lower, upper) = (estimate.pValue, estimate.lower, estimate.upper)
    (flags, notes) = (estimate.flags.names, reading + found.notes)
    others = found.others.map { Other(name: $0.name, value: $0.value) }
    (self.samples, self.dimensionX, self.dimensionY) = (samples, dimensionX, dimensionY)
    (self.seed, self.seconds) = (seed, seconds)
    (shuffles, resamples) = (found.shuffles, found.resamples)
    isHeldOut = found.isHeldOutTest
  }

  func tell(json: Bool) throws {
    if json { return try Console.output(json: self) }
    let interval =
      lower.isNaN
      ? "no interval" : "95 % interval \(Format.fixed(lower, 4)) to \(Format.fixed(upper, 4))"
    Console.output("I(X;Y) = \(Format.fixed(value, 4)) nat, \(interval)")
    Console.output("null     \(nullText)")
    Console.output("by       \(estimator): \(settings); \(reason); columns: \(transform)")
    if !others.isEmpty {
      let values = others.map { "\($0.name) \(Format.fixed($0.value, 4))" }
      Console.output("beside   \(values.joined(separator: "; "))")
    }
    Console.output("samples  \(samples) of \(dimensionX) + \(dimensionY) dimensions, seed \(seed)")
    Console.output("flags    \(flags.isEmpty ? "none" : flags.joined(separator: ", "))")
    for note in notes { Console.output("note     \(note)") }
  }

  private var nullText: String {
    let place = "\(Format.fixed(null, 4)), p = \(Format.fixed(pValue, 3))"
    switch verdict {
    case Verdict.none.rawValue: return "no shuffles were made"
    case Verdict.undecided.rawValue:
      return "\(place) of \(shuffles) shuffles, too few to reach p = \(Verdict.level): pass "
        + "--shuffles \(Verdict.fewestShuffles) or more"
    default:
      return "\(place): the value is \(verdict) its null of \(nullSource)"
    }
  }

  private var nullSource: String {
    isHeldOut
      ? "exchanged held-out pairs (mean over \(shuffles) shuffles)" : "\(shuffles) shuffles"
  }
}
