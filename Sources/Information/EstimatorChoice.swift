import Kernels

/// An estimator of pairs that can be asked for by name.
public struct NamedEstimator: Sendable {
  /// Its name on the command line and in archives.
  public let name: String
  /// Another name that people know it by.
  public let synonym: String?
  let make: @Sendable (EstimatorChoice.Settings) -> any MutualInformationEstimator

  init(
    _ name: String, synonym: String? = nil,
    _ make: @escaping @Sendable (EstimatorChoice.Settings) -> any MutualInformationEstimator
  ) {
    (self.name, self.synonym, self.make) = (name, synonym, make)
  }
}

/// The estimators of pairs by name, and which one suits a problem.
public enum EstimatorChoice {
  /// Every estimator of pairs, in the order help texts list them.
  public static let all: [NamedEstimator] = [
    NamedEstimator("ksg") { Kraskov(neighborCount: $0.neighborCount) },
    NamedEstimator("ksg2") { Kraskov(neighborCount: $0.neighborCount, variant: .two) },
    NamedEstimator("mixed-ksg") { MixedKraskov(neighborCount: $0.neighborCount) },
    NamedEstimator("discrete") { _ in DiscreteInformation() },
    NamedEstimator("gaussian", synonym: "cca") { _ in GaussianInformation() },
    NamedEstimator("binning") { BinnedInformation(bins: $0.bins) },
    NamedEstimator("kde") { DensityInformation(noise: $0.noise ?? 0.25) },
    NamedEstimator("renyi") { RenyiInformation(width: $0.noise ?? 0.5, seed: $0.seed) },
    NamedEstimator(InfoNCE.name) { Critic<InfoNCE>(seed: $0.seed) },
    NamedEstimator(ClippedRatio.name) { Critic<ClippedRatio>(seed: $0.seed) },
    NamedEstimator(NguyenWainwrightJordan.name) { Critic<NguyenWainwrightJordan>(seed: $0.seed) },
    NamedEstimator(DonskerVaradhan.name) { Critic<DonskerVaradhan>(seed: $0.seed) },
    NamedEstimator("sliced") { SlicedInformation(seed: $0.seed) },
    NamedEstimator("radial") { RadialInformation(neighborCount: $0.neighborCount) },
    NamedEstimator("latent") { LatentInformation(seed: $0.seed) },
    NamedEstimator("student") { _ in StudentInformation() },
    NamedEstimator("flow") { FlowInformation(seed: $0.seed) },
    NamedEstimator("lnc") { LocalNonUniformity(neighborCount: max(10, $0.neighborCount)) },
  ]

  /// Names, in the order help texts list them; the first leaves the choice to ``automatic(_:_:)``.
  public static let names = ["auto"] + all.map(\.name)

  /// Whether an estimator goes by this name.
  public static func knows(_ name: String) -> Bool {
    names.contains(name) || all.contains { $0.synonym == name }
  }

  /// What may be set from outside.
  public struct Settings: Sendable {
    /// Neighbours of the nearest-neighbour estimators.
    public var neighborCount = 5
    /// Noise of kde and kernel width of renyi; each estimator's own when nil.
    public var noise: Double?
    /// Bins a column; from the number of samples when nil.
    public var bins: Int?
    /// Seed of trained critics, random directions, and of what rounded values are spread by.
    public var seed: UInt64 = 1

    /// All as they are by default.
    public init() {}
  }

  /// The estimator of this name; nil for an unknown name, and for `auto`, which needs to see the samples.
  public static func estimator(
    _ name: String, _ settings: Settings
  ) -> (any MutualInformationEstimator)? {
    all.first { $0.name == name || $0.synonym == name }?.make(settings)
  }

  /// An estimator for these samples, the change of each side it goes with, and the reason in words.
  public struct Choice: Sendable {
    /// The estimator.
    public var estimator: any MutualInformationEstimator
    /// What is done to the samples first.
    public var preprocessing: Preprocessing
    /// Why.
    public var reason: String

    /// The samples as the estimator takes them.
    public func treatment(_ pairs: PairedSamples, _ settings: Settings) -> Treatment {
      Treatment(pairs, estimator.treatment, preprocessing, seed: settings.seed)
    }

    /// The estimator for pairs that were treated: one for classes has to know how far apart they were put.
    public func estimator(for treatment: Treatment) -> any MutualInformationEstimator {
      guard preprocessing != .none, var mixed = estimator as? MixedKraskov else { return estimator }
      mixed.classGap = Treatment.classGap
      return mixed
    }
  }

  /// Picks by what can be seen of the samples: repeated values, dimension, whether normal scores change the covariance.
  ///
  /// Classes are counted, or measured class by class. In at most four dimensions nearest neighbours hold for any
  /// distribution. Beyond, the Gaussian formula holds where the data, or their normal scores, do not contradict it; then
  /// Student's copula, then normal scores after a learned twist, where nothing contradicts those; else a trained critic is left, whose own flags say whether to believe it. What would refuse the samples, or the halves and quarters
  /// of them that its interval and its check look at, is not taken: few samples have fewer neighbours, and are too few for a
  /// critic.
  ///
  /// Cost: a search for twists, see ``FlowInformation``, where the cheaper models do not hold.
  public static func automatic(
    _ pairs: PairedSamples, _ settings: Settings, _ pool: WorkerPool = WorkerPool(threadCount: 1)
  ) -> Choice {
    let (dx, dy) = (pairs.x.dimension, pairs.y.dimension)
    let neighbors = neighborCount(settings.neighborCount, for: pairs.count)
    let levels = [Levels(pairs.x), Levels(pairs.y)]
    let areLabels = levels.map(\.areLabels)
    if areLabels == [true, true],
      DiscreteInformation.joint(levels[0], levels[1]).count
        <= pairs.count / 5
    {
      return Choice(
        estimator: DiscreteInformation(), preprocessing: .standard,
        reason: "both sides repeat few values, which are counted")
    }
    if areLabels.contains(true), dx + dy <= 10 {
      return Choice(
        estimator: MixedKraskov(neighborCount: neighbors), preprocessing: .standard,
        reason: "one side repeats its values, as labels do")
    }
    if dx + dy <= 4 {
      if pairs.count >= 1000, !areLabels.contains(true), isThin(pairs, settings) {
        return Choice(
          estimator: GaussianInformation(), preprocessing: .rank,
          reason:
            "\(dx) + \(dy) dimensions, thinner than neighbours are apart, whose normal scores "
            + "nothing contradicts to be normal")
      }
      return Choice(
        estimator: Kraskov(neighborCount: neighbors), preprocessing: .rank,
        reason: "\(dx) + \(dy) dimensions: nearest neighbours hold for any distribution")
    }
    if pairs.count > 4 * (dx + dy), !areLabels.contains(true) {
      if NormalityCheck.holds(pairs), hasGaussian(pairs, .standard, settings) {
        if let twisted = hidden(pairs, settings, pool) { return twisted }
        return Choice(
          estimator: GaussianInformation(), preprocessing: .standard,
          reason: "\(dx) + \(dy) dimensions in which nothing contradicts a normal distribution")
      }
      if NormalityCheck.holds(Preprocessing.rank.apply(pairs)),
        hasGaussian(pairs, .rank, settings)
      {
        if let twisted = hidden(pairs, settings, pool) { return twisted }
        return Choice(
          estimator: GaussianInformation(), preprocessing: .rank,
          reason: "\(dx) + \(dy) dimensions whose normal scores nothing contradicts to be normal")
      }
      if let model = modelled(pairs, settings, pool) { return model }
    }
    guard pairs.count >= Critic<InfoNCE>.fewestSamples else {
      let few = "\(dx) + \(dy) dimensions, not normal, and too few samples to train a critic"
      return areLabels.contains(true)
        ? Choice(
          estimator: MixedKraskov(neighborCount: neighbors), preprocessing: .standard, reason: few)
        : Choice(estimator: Kraskov(neighborCount: neighbors), preprocessing: .rank, reason: few)
    }
    return Choice(
      estimator: Critic<InfoNCE>(seed: settings.seed),
      preprocessing: areLabels.contains(true) ? .standard : .rank,
      reason: "\(dx) + \(dy) dimensions, not normal: a trained critic")
  }

  /// Student's copula or a flow, where nothing contradicts it.
  private static func modelled(
    _ pairs: PairedSamples, _ settings: Settings, _ pool: WorkerPool
  ) -> Choice? {
    let dimensions = "\(pairs.x.dimension) + \(pairs.y.dimension) dimensions"
    guard pairs.count >= 500 else { return nil }
    if StudentInformation.holds(pairs) {
      return Choice(
        estimator: StudentInformation(), preprocessing: .standard,
        reason: "\(dimensions) with heavy tails that nothing contradicts to be Student's")
    }
    guard let found = twisted(pairs, settings, pool) else { return nil }
    let (maps, scores) = (found.maps, found.scores)
    var choice = found.choice
    if NormalityCheck.holds(scores) { return choice }
    // Not quite normal, but its ratio of densities is proved on held-out pairs, and a critic finds no more: a flag says the
    // first, the value holds.
    guard maps.gain > 0.1, let value = try? GaussianInformation.information(scores),
      let bound = maps.bound(scores), value - bound <= CrossCheck.tolerance(value),
      let learned = try? Critic<InfoNCE>(seed: settings.seed).bareValue(
        Preprocessing.rank.apply(pairs), pool), learned < value + 0.05
    else { return nil }
    choice.reason =
      "\(dimensions) after a twist that makes much of the information Gaussian, proved on held-out pairs"
    return choice
  }

  /// A flow for samples that are few enough to hide a twist from ``NormalityCheck``, where one tells more. Scores that are
  /// not normal after it leave a twist in place that tells more than ``CrossCheck/tolerance(_:)``, since the Gaussian formula
  /// would miss that: the flow's own flag then says that its value is not proved.
  private static func hidden(
    _ pairs: PairedSamples, _ settings: Settings, _ pool: WorkerPool
  ) -> Choice? {
    guard pairs.count < mostHidden, let found = twisted(pairs, settings, pool) else { return nil }
    if NormalityCheck.holds(found.scores) { return found.choice }
    guard found.maps.gain > CrossCheck.tolerance(0) else { return nil }
    var choice = found.choice
    choice.reason =
      "\(pairs.x.dimension) + \(pairs.y.dimension) dimensions after a twist that tells more on held-out "
      + "pairs, though its scores are not normal"
    return choice
  }

  /// Samples from which on a twist that matters contradicts a normal distribution.
  private static let mostHidden = 4000

  /// A flow, the maps it learned and their scores; nil where no twist tells more.
  private static func twisted(
    _ pairs: PairedSamples, _ settings: Settings, _ pool: WorkerPool
  ) -> (choice: Choice, maps: FlowMaps, scores: PairedSamples)? {
    var choice = Choice(
      estimator: FlowInformation(seed: settings.seed), preprocessing: .standard,
      reason:
        "\(pairs.x.dimension) + \(pairs.y.dimension) dimensions whose normal scores nothing contradicts to be normal after a twist"
    )
    let treated = choice.treatment(pairs, settings).pairs
    let maps = FlowMaps(treated, seed: settings.seed, pool)
    guard maps.gain > 0.02 else { return nil }
    choice.estimator = FlowInformation(seed: settings.seed, maps: maps)
    return (choice, maps, maps.scores(treated))
  }

  /// Whether the normal scores are normal and tell more than 5 nats, of which nearest neighbours miss the more the fewer
  /// samples there are: 6.7 of 8 nats with 5,000.
  private static func isThin(_ pairs: PairedSamples, _ settings: Settings) -> Bool {
    let scores = Preprocessing.rank.apply(pairs)
    guard let value = try? GaussianInformation.information(scores), value > 5 else { return false }
    return NormalityCheck.holds(scores) && hasGaussian(pairs, .rank, settings)
  }

  /// Neighbours that a quarter of many samples and half of few still have.
  static func neighborCount(_ wanted: Int, for count: Int) -> Int {
    let smallest = count >= 200 ? count / 4 : count >= 16 ? count / 2 : count
    return max(1, min(wanted, smallest - 2))
  }

  /// Whether the Gaussian formula takes the samples: covariances may be singular.
  private static func hasGaussian(
    _ pairs: PairedSamples, _ preprocessing: Preprocessing, _ settings: Settings
  ) -> Bool {
    let choice = Choice(
      estimator: GaussianInformation(), preprocessing: preprocessing, reason: "")
    let treated = choice.treatment(pairs, settings).pairs
    return (try? GaussianInformation.information(treated)) != nil
  }
}
