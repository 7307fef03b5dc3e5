extension StudyConfiguration {
  /// How information is estimated.
  public struct Information: Sendable {
    /// What a layer can be.
    public enum Place: String, Sendable, CaseIterable {
      /// The residual stream at each depth.
      case residual
      /// The attention map of each head.
      case attention
    }

    /// Estimators of I(X;T) and I(T;Y); one at least.
    public var estimators: [LayerEstimator] = [.kde, .binning]
    /// Estimators of the information between every two layers; none by default.
    public var pairs: [LayerEstimator] = []
    /// What is a layer.
    public var taps = Place.residual
    /// Standard deviation of the noise of `kde`, in units of a layer's root-mean-square distance from its mean.
    public var noise = 0.5
    /// Bins along each channel for `binning`.
    public var bins = 8
    /// Resamples behind each interval, and shuffles behind each null.
    public var resamples = 100, shuffles = 100
  }

  /// How inputs are perturbed.
  public struct Perturbation: Sendable {
    /// Noise on the embedded stream, standard deviations in units of its root mean square.
    public var noise = [1e-3, 1e-2, 0.1, 0.3, 1]
    /// Shares of the positions whose input is blanked, and that swap their inputs.
    public var mask = [0.05, 0.2, 0.5], swap = [0.05, 0.2, 0.5]
  }
}

extension StudyConfiguration.Information: ConfigurationSection {
  static let name = "information"
  static let words = "how isotherm inform estimates"
  static let fields: [ConfigurationField<Self>] = [
    .choices("estimators", \.estimators, "estimators of I(X;T) and I(T;Y)"),
    .choices(
      "pairs", \.pairs, of: LayerEstimator.betweenLayers,
      "estimators of the information between every two layers"),
    .choice("taps", \.taps, "what is a layer: the residual stream, or the maps of each head"),
    .number(
      "noise", \.noise, 1e-6...1e6, "noise of kde, in units of a layer's distance from its mean"),
    .integer("bins", \.bins, 2...65536, "bins along each channel for binning"),
    .integer(
      "resamples", \.resamples, 2...100_000,
      "halves of the sample, drawn at random, behind each interval"
    ).formerly("bootstrap"),
    .integer("shuffles", \.shuffles, 1...100_000, "shuffles behind each null"),
  ]
}

extension StudyConfiguration.Perturbation: ConfigurationSection {
  static let name = "perturb"
  static let words = "what isotherm perturb does to inputs"
  static let fields: [ConfigurationField<Self>] = [
    .numbers(
      "noise", \.noise, 1e-9...1e3, "noise on the embedded stream, in units of its root mean square"
    ),
    .numbers("mask", \.mask, 0...1, "shares of the positions whose input is blanked"),
    .numbers("swap", \.swap, 0...1, "shares of the positions that swap their inputs"),
  ]
}
