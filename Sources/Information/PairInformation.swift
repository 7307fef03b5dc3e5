import Foundation
import Kernels

/// The information of two variables of anybody's data, with everything that was done to them and what speaks against the
/// value.
public struct PairInformation: Sendable {
  /// Value, null, interval and flags.
  public private(set) var estimate: Estimate
  /// Name and settings of the estimator.
  public let estimator: String, settings: String
  /// What was done to each column.
  public let preprocessing: Preprocessing
  /// Why this estimator.
  public let reason: String
  /// What was done to the samples beyond that, and what was found in them, in words.
  public private(set) var notes: [String]
  /// Values of other estimators, and by `auto` of fewer samples, beside the estimate.
  public private(set) var others: [(name: String, value: Double)] = []
  /// What the null says.
  public let verdict: Verdict
  /// Shuffles behind the null, subsamples behind the interval.
  public let shuffles: Int, resamples: Int

  /// Whether the p-value comes from exchanging partners among held-out pairs of a trained critic or flow, not from the shuffles.
  public let isHeldOutTest: Bool

  /// Shuffles of an estimator that is fitted anew for each, whose p-value comes from its held-out pairs.
  private static let fittedShuffles = 3

  /// An estimate by the estimator of this name, or by `auto`.
  ///
  /// Without `preprocessing` each column is standardised (`auto`: or ranked), so that units and offsets do not matter, and
  /// repeated values and classes are treated as the estimator needs; see ``Treatment``. Samples must be independent: what
  /// in their order or their copies speaks against it is flagged, and with serial dependence the null turns one side
  /// against the other instead of shuffling it.
  /// - Throws: ``EstimationError`` for an unknown name, and for samples the estimator cannot be applied to.
  public init(
    _ pairs: PairedSamples, by name: String, _ options: EstimatorChoice.Settings,
    preprocessing: Preprocessing? = nil, resamples: Int = 60, shuffles: Int? = nil,
    _ pool: WorkerPool
  ) throws {
    let isAutomatic = name == "auto"
    var choice: EstimatorChoice.Choice
    if isAutomatic {
      choice = EstimatorChoice.automatic(pairs, options, pool)
    } else {
      guard let estimator = EstimatorChoice.estimator(name, options) else {
        throw EstimationError(message: "no estimator is called \(name)")
      }
      choice = EstimatorChoice.Choice(
        estimator: estimator, preprocessing: .standard, reason: "asked for")
    }
    if let preprocessing { choice.preprocessing = preprocessing }
    if !isAutomatic, choice.estimator.treatment == .metric, let preprocessing,
      preprocessing != .none
    {
      throw EstimationError(
        message:
          "\(name) takes all columns of a side on one scale, which \(preprocessing.rawValue) would take away; leave the transform out"
      )
    }
    let serial = SerialDependence.find(pairs)
    func estimated(
      _ choice: EstimatorChoice.Choice
    ) throws -> (Treatment, any MutualInformationEstimator, ResamplingPlan, Estimate) {
      let treatment = choice.treatment(pairs, options)
      let chosen = choice.estimator(for: treatment).fitted(to: treatment.pairs, pool)
      let isFitted = chosen is any Fitted || chosen is LatentInformation
      var plan = ResamplingPlan(
        resamples: resamples,
        shuffles: shuffles ?? (isFitted ? Self.fittedShuffles : Verdict.fewestShuffles),
        seed: options.seed)
      plan.isCircular = serial != nil
      return (treatment, chosen, plan, try chosen.estimate(treatment.pairs, plan, pool))
    }
    var found = try estimated(choice)
    if isAutomatic, preprocessing == nil,
      let radial = try Self.radial(above: found.3, found.1, pairs, options, pool)
    {
      others.append((found.1.name, found.3.value))
      choice = radial
      found = try estimated(radial)
    }
    let (treatment, chosen, plan) = (found.0, found.1, found.2)
    estimate = found.3
    (estimator, settings) = (chosen.name, chosen.settings)
    // What takes lengths of whole samples changes no column by itself.
    let takesLengths = chosen.treatment == .metric
    (self.preprocessing, reason) = (takesLengths ? .none : choice.preprocessing, choice.reason)
    (self.shuffles, self.resamples) = (plan.shuffles, chosen.isResampled ? plan.resamples : 0)
    notes = treatment.notes
    if takesLengths, let preprocessing, preprocessing != .none {
      notes.append(
        "\(chosen.name) takes all columns of a side on one scale: without \(preprocessing.rawValue)"
      )
    }
    isHeldOutTest = chosen is any Fitted && plan.shuffles > 0 && !plan.isCircular
    verdict = Verdict(
      pValue: estimate.pValue, shuffles: isHeldOutTest ? Verdict.exchanges : plan.shuffles)
    let areNumbers =
      treatment.takesLabelsAsNumbers
      || chosen is RadialInformation && [pairs.x, pairs.y].contains { Levels($0).areLabels }
    if areNumbers { estimate.flags.insert(.misspecified) }
    if let serial { tell(serial, pairs.count) }
    if let found = DuplicateCheck.find(pairs) { tell(found, pairs.count) }
    let isSpoiled = !estimate.flags.isDisjoint(with: [.constant, .duplicates, .serialDependence])
    if isAutomatic ? !estimate.flags.contains(.constant) : !isSpoiled {
      let check =
        try isAutomatic
        ? CrossCheck(estimate.value, chosen, pairs, treated: treatment.pairs, options, pool)
        : CrossCheck(asked: estimate.value, chosen, pairs, options, pool)
      others += check.others
      if let doubt = check.doubt {
        estimate.flags.insert(.uncertain)
        notes.append(doubt)
      }
    }
  }

  /// The lengths of both sides cannot tell more than the sides: where they do, the estimate is low, and theirs is nearer.
  private static func radial(
    above estimate: Estimate, _ chosen: any MutualInformationEstimator, _ pairs: PairedSamples,
    _ options: EstimatorChoice.Settings, _ pool: WorkerPool
  ) throws -> EstimatorChoice.Choice? {
    guard chosen is Kraskov || chosen is any Fitted, !estimate.flags.contains(.constant),
      pairs.x.dimension + pairs.y.dimension > 2, !Levels(pairs.x).areLabels,
      !Levels(pairs.y).areLabels
    else { return nil }
    let choice = EstimatorChoice.Choice(
      estimator: RadialInformation(
        neighborCount: EstimatorChoice.neighborCount(options.neighborCount, for: pairs.count)),
      preprocessing: .standard,
      reason: "both sides share a scale: their lengths tell more than \(chosen.name) finds")
    let treatment = choice.treatment(pairs, options)
    let value = try choice.estimator.bareValue(treatment.pairs, pool)
    return value > estimate.value + 0.02 ? choice : nil
  }

  private mutating func tell(_ serial: SerialDependence, _ count: Int) {
    estimate.flags.insert(.serialDependence)
    notes.append(
      "rows that follow each other are alike (rank correlation "
        + String(format: "%.2f in x, %.2f in y", serial.x, serial.y)
        + String(format: "): as good as %.0f independent ones of %d", serial.effectiveCount, count)
        + "; thin them or take differences; the null turns y against x")
  }

  private mutating func tell(_ found: DuplicateCheck, _ count: Int) {
    estimate.flags.insert(.duplicates)
    notes.append(
      "\(found.twins) of \(count) pairs stand in the data more than once (\(found.distinct) different "
        + "ones), more often than chance explains; leave copies out")
  }
}

/// An estimator that is trained, and tests its pairs itself.
protocol Fitted {}

extension Critic: Fitted {}
