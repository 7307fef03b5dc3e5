/// The estimators of pairs by name, and which one suits a problem.
public enum EstimatorChoice {
  /// Names, in the order help texts list them.
  public static let names = [
    "auto", "ksg", "ksg2", "mixed-ksg", "gaussian", "binning", "kde", "renyi", "infonce", "smile",
    "nwj", "mine", "sliced", "latent",
  ]

  /// What may be set from outside.
  public struct Settings: Sendable {
    /// Neighbours of the nearest-neighbour estimators.
    public var neighborCount = 5
    /// Noise of kde and kernel width of renyi; each estimator's own when nil.
    public var noise: Double?
    /// Bins a column; from the number of samples when nil.
    public var bins: Int?
    /// Seed of trained critics and random directions.
    public var seed: UInt64 = 1

    /// All as they are by default.
    public init() {}
  }

  /// The estimator of this name; nil for an unknown name, and for `auto`, which needs to see the samples.
  public static func estimator(
    _ name: String, _ settings: Settings
  ) -> (any MutualInformationEstimator)? {
    let (k, seed) = (settings.neighborCount, settings.seed)
    switch name {
    case "ksg": return Kraskov(neighborCount: k)
    case "ksg2": return Kraskov(neighborCount: k, variant: .two)
    case "mixed-ksg": return MixedKraskov(neighborCount: k)
    case "gaussian", "cca": return GaussianInformation()
    case "binning": return BinnedInformation(bins: settings.bins)
    case "kde": return DensityInformation(noise: settings.noise ?? 0.25)
    case "renyi": return RenyiInformation(width: settings.noise ?? 0.5)
    case InfoNCE.name: return Critic<InfoNCE>(seed: seed)
    case ClippedRatio.name: return Critic<ClippedRatio>(seed: seed)
    case NguyenWainwrightJordan.name: return Critic<NguyenWainwrightJordan>(seed: seed)
    case DonskerVaradhan.name: return Critic<DonskerVaradhan>(seed: seed)
    case "sliced": return SlicedInformation(seed: seed)
    case "latent": return LatentInformation(seed: seed)
    default: return nil
    }
  }

  /// An estimator for these samples, the change of each side it goes with, and the reason in words.
  public struct Choice: Sendable {
    /// The estimator.
    public var estimator: any MutualInformationEstimator
    /// What is done to the samples first.
    public var preprocessing: Preprocessing
    /// Why.
    public var reason: String
  }

  /// Picks by what can be seen of the samples: repeated values, dimension, whether normal scores change the covariance.
  ///
  /// In at most four dimensions nearest neighbours hold for any distribution. Beyond, the Gaussian formula holds where the data
  /// do not contradict it; else a trained critic is left, whose own flags say whether to believe it.
  public static func automatic(_ pairs: PairedSamples, _ settings: Settings) -> Choice {
    let (dx, dy) = (pairs.x.dimension, pairs.y.dimension)
    let limit = max(16, pairs.count / 10)
    let discrete = [pairs.x, pairs.y].map { $0.distinctCount(limit: limit) < limit }
    if discrete.contains(true), dx + dy <= 10 {
      return Choice(
        estimator: MixedKraskov(neighborCount: settings.neighborCount), preprocessing: .standard,
        reason: "one side repeats its values, as labels do")
    }
    if dx + dy <= 4 {
      return Choice(
        estimator: Kraskov(neighborCount: settings.neighborCount), preprocessing: .rank,
        reason: "\(dx) + \(dy) dimensions: nearest neighbours hold for any distribution")
    }
    if pairs.count > 4 * (dx + dy), NormalityCheck.holds(pairs) {
      return Choice(
        estimator: GaussianInformation(), preprocessing: .none,
        reason: "\(dx) + \(dy) dimensions in which nothing contradicts a normal distribution")
    }
    return Choice(
      estimator: Critic<InfoNCE>(seed: settings.seed),
      preprocessing: discrete.contains(true) ? .standard : .rank,
      reason: "\(dx) + \(dy) dimensions, not normal: a trained critic")
  }
}
