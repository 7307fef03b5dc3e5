import Information

/// One layer at one checkpoint, as estimators take it.
struct InformedLayer: Sendable {
  /// Euclidean distances between the samples' values.
  var distances: LayerDistances
  /// The bins of the samples' values, channel by channel.
  var patterns: BinPatterns
}

/// An estimator of I(X;T), I(T;Y) and I(T;T') of layers: everything that tells one from another stands here.
public enum LayerEstimator: String, Sendable, CaseIterable {
  /// Kernel density, the upper bound of Kolchinsky & Tracey (2017), arXiv 1706.02419.
  case kde
  /// Kernel density, the lower bound of the same.
  case kdeLower = "kde-lower"
  /// Patterns of bins along each channel.
  case binning
  /// Nearest neighbours (Kraskov et al. 2004) by the distances of each side.
  case ksg
  /// Matrix-based Rényi information of order 1.01.
  case renyi

  /// Those of the information between two layers.
  static var betweenLayers: [LayerEstimator] { allCases.filter { $0.between != nil } }

  /// Whether I(X;T) needs the distances between the inputs.
  var needsInput: Bool {
    switch self {
    case .ksg, .renyi: true
    case .kde, .kdeLower, .binning: false
    }
  }

  /// Its settings in words, for the archive; `input` says what the inputs' distances are of.
  func settings(_ settings: StudyConfiguration.Information, input: InformedInput) -> String {
    switch self {
    case .kde: "upper bound, noise \(settings.noise) of each layer's root-mean-square spread"
    case .kdeLower: "lower bound, noise \(settings.noise) of each layer's root-mean-square spread"
    case .renyi:
      "order 1.01, kernel width \(settings.noise) of each side's root-mean-square spread"
    case .ksg: "k = 5, Euclidean distances of each side; input: \(input.description)"
    case .binning: "\(settings.bins) bins a channel over its range"
    }
  }

  /// I(X;T) and I(T;Y) of a layer, nats; `input` are the inputs' distances, given where ``needsInput``.
  func estimate(
    _ layer: InformedLayer, input: LayerDistances?, labels: [Int32],
    _ settings: StudyConfiguration.Information, _ plan: ResamplingPlan
  ) throws -> (input: Estimate, label: Estimate) {
    let input = input ?? layer.distances
    switch self {
    case .kde, .kdeLower:
      let density = KernelDensity(
        layer.distances, noise: settings.noise, bound: self == .kde ? .upper : .lower)
      return (density.inputInformation(plan), density.labelInformation(labels, plan))
    case .ksg:
      let neighbours = try DistanceKraskov(layer.distances)
      return (
        neighbours.information(with: try DistanceKraskov(input), plan),
        neighbours.labelInformation(labels, plan)
      )
    case .renyi:
      let side = LayerRenyi(layer.distances, width: settings.noise)
      return (
        try side.information(with: LayerRenyi(input, width: settings.noise), plan),
        try side.information(with: LayerRenyi(labels: labels), plan)
      )
    case .binning:
      let binning = Binning(layer.patterns)
      return (binning.inputInformation(plan), binning.labelInformation(labels, plan))
    }
  }

  /// I(T;T') of two layers from their distances, nats; `noise` is a share of each one's spread.
  typealias Between =
    @Sendable (
      _ a: LayerDistances, _ b: LayerDistances, _ noise: Double, _ plan: ResamplingPlan
    ) throws -> Estimate

  /// How it estimates the information between two layers; nil where it does not.
  var between: Between? {
    switch self {
    case .kde: Self.densities
    case .ksg:
      { a, b, _, plan in try DistanceKraskov(a).information(with: DistanceKraskov(b), plan) }
    case .renyi:
      { a, b, noise, plan in
        try LayerRenyi(a, width: noise).information(with: LayerRenyi(b, width: noise), plan)
      }
    case .kdeLower, .binning: nil
    }
  }

  /// I(T;T') of two layers by kernel densities.
  static let densities: Between = { a, b, noise, plan in
    KernelDensity(a, noise: noise).information(with: KernelDensity(b, noise: noise), plan)
  }
}

/// What the inputs of a run are, as estimators compare them.
enum InformedInput: CustomStringConvertible {
  /// Pixels, as shares of white.
  case pixels
  /// How often each token stands in a sample, as shares of its length.
  case tokens

  var description: String {
    switch self {
    case .pixels: "the captured samples' own pixels"
    case .tokens: "shares of each token in the captured samples"
    }
  }
}
