/// One way of doubting an estimate: another family of estimators on the same samples, or the growth of the value with their number.
///
/// An estimator that fails does so quietly: nearest neighbours in several dimensions and critics that have not learned
/// enough are low, a covariance sees one kind of dependence. But they fail differently, and what is low from lack of
/// samples still grows with them. Each estimator names the opinions that suit it.
public enum SecondOpinion: Sendable {
  /// Another estimator, which is right wherever this one is: its value is expected near.
  case agreeing(Other)
  /// Another estimator, which errs low where it does not hold: only a higher value of it says something.
  case notAbove(Other)
  /// Several other estimators, of which one at least should come near, for an estimator that nothing vouches for.
  case anyNear([Other])
  /// Quarters and halves of the samples: what is still to come as a geometric series.
  case growth
  /// A quarter and a half of the samples, for what is trained and learns slowly.
  case learning

  /// Another estimator and what is done to the samples first.
  public struct Other: Sendable {
    let estimator: any MutualInformationEstimator
    let preprocessing: Preprocessing
    /// Whether it is quick enough to see every sample; the others see 2,000.
    let seesAll: Bool

    init(
      _ estimator: any MutualInformationEstimator, _ preprocessing: Preprocessing,
      seesAll: Bool = false
    ) {
      (self.estimator, self.preprocessing, self.seesAll) = (estimator, preprocessing, seesAll)
    }

    /// A covariance of normal scores.
    static let gaussian = Self(GaussianInformation(), .rank, seesAll: true)
    /// Nearest neighbours among normal scores.
    static func neighbours(_ settings: EstimatorChoice.Settings) -> Self {
      Self(Kraskov(neighborCount: settings.neighborCount), .rank)
    }
    /// The lengths of both sides.
    static func radial(_ settings: EstimatorChoice.Settings) -> Self {
      Self(RadialInformation(neighborCount: settings.neighborCount), .standard)
    }
    /// Nearest neighbours that take classes.
    static func mixed(_ settings: EstimatorChoice.Settings) -> Self {
      Self(MixedKraskov(neighborCount: settings.neighborCount), .standard)
    }
  }
}

extension MutualInformationEstimator {
  /// Those of an estimator that nothing vouches for: another family must come near, and it must have learned what there is.
  public func secondOpinions(
    _ settings: EstimatorChoice.Settings, dimension: Int
  ) -> [SecondOpinion] {
    [.anyNear([.gaussian, .neighbours(settings), .radial(settings)]), .learning]
  }
}
