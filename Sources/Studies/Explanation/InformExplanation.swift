import Archive
import Information
import Kernels

/// The formulas behind estimates of layers, their nulls and their intervals.
struct InformExplanation {
  private let run: InformRun
  private var settings: StudyConfiguration.Information { run.configuration.information }

  init(_ run: InformRun) { self.run = run }

  /// All parts of the archive.
  func explanation() -> Explanation {
    let random = ExplanationWriter()
    random.sayGenerator(seed: run.configuration.seed)
    return Explanation([
      layers(), estimators(), resampling(),
      random.part("random", "random numbers, and what they decide"),
    ])
  }

  private func layers() -> Explanation.Part {
    let w = ExplanationWriter()
    w.say(
      "T is what \(Layout.Information.tapName) names, at one checkpoint of the run that \(Layout.Provenance.group) names, over its first "
        + "n = \(w.put("samples", run.samples)) samples: all positions and channels of a sample, or all queries and keys of a head's map, "
        + "are one vector. Padding is 0; where it does not stand behind the tokens of a text, the tokens were moved to the front."
    )
    w.say(
      "d_ij is the Euclidean distance of samples i and j in T, s the mean over samples of the squared distance from their mean. Y is "
        + "\(Layout.Samples.label) of the run. X is the input: \(w.put("input", run.input.description)). All logarithms are natural, all "
        + "values in nats.")
    return w.part("layers", "what is estimated")
  }

  private func estimators() -> Explanation.Part {
    let w = ExplanationWriter()
    for estimator in LayerEstimator.allCases
    where settings.estimators.contains(estimator) || settings.pairs.contains(estimator) {
      estimator.explain(settings, to: w)
    }
    w.say(
      "I(network; PDE), where it is here, is kde's formula of two layers, of the network's stream and an equation's field over the "
        + "samples that both archives hold.")
    return w.part("estimators", "the formula of each estimator")
  }

  private func resampling() -> Explanation.Part {
    let w = ExplanationWriter()
    let (resamples, shuffles) = (
      w.put("resamples", settings.resamples), w.put("shuffles", settings.shuffles)
    )
    w.say(
      "lower, upper: value + the 2.5 % and 97.5 % quantiles of f_r - mean f, f_r the estimate from half of the samples, r = 0 to "
        + "\(resamples) - 1: the first ⌊n/2⌋ of a permutation of n, stream (resampling, r). Of I(X;T) by kde, kde-lower and binning f_r has "
        + "ln n - ln ⌊n/2⌋ added. The estimator's own bias is not in the interval.")
    w.say(
      "null: the mean of the estimate with the samples of the other side, classes or layer, in the order of a permutation of n, stream "
        + "(null, r), r = 0 to \(shuffles) - 1; null_upper: its 97.5 % quantile. I(X;T) by kde, kde-lower and binning reads T alone: its null is the value."
    )
    w.say("Quantiles interpolate linearly between order statistics, place q (m - 1) of m from 0.")
    w.say(
      "flags, bits from the lowest: \(w.put("flag_meanings", Estimate.Flags.meanings)). saturated: above 0.95 ln n. not_above_null: (1 + "
        + "shuffles as high as the value)/(1 + shuffles) is above \(w.put("level", Verdict.level)), unless no shuffle was as high and there are fewer "
        + "than \(w.put("fewest_shuffles", Verdict.fewestShuffles)). high_dimension: nearest neighbours in more than 5 numbers a sample."
    )
    return w.part("resampling", "nulls, intervals and flags")
  }
}

extension LayerEstimator {
  /// Its formulas in words, with their constants.
  func explain(_ settings: StudyConfiguration.Information, to w: ExplanationWriter) {
    switch self {
    case .kde, .kdeLower:
      let isLower = self == .kdeLower
      w.say(
        "\(rawValue): K_ij = exp(-d_ij²/(\(isLower ? "8" : "2")σ²)), σ = \(w.put("noise", settings.noise)) √s. I(X;T) = -(1/n) Σ_i ln (1/n) Σ_j K_ij, j = i included: "
          + "\(isLower ? "the lower bound, by the Bhattacharyya distance," : "the upper bound") of Kolchinsky and Tracey (2017), eq. 10, for T + N(0, σ²), every sample an input of its own. "
          + "I(T;Y) = (1/n) Σ_i [ln mean_j K_ij over the class of i - ln mean_j K_ij over all].")
      guard !isLower else { return }
      w.say(
        "kde of two layers: I(T;T') = (1/n) Σ_i [ln Σ_j K_ij K'_ij - ln Σ_j K_ij - ln Σ_j K'_ij + ln(n - 1)], sums over j ≠ i, each "
          + "layer with a σ of its own.")
    case .binning:
      let bins = w.put("bins", settings.bins)
      w.say(
        "binning: each number of T is cut into \(bins) equal bins between its least and greatest value over the n samples, "
          + "min(\(bins) - 1, ⌊\(bins) (t - least)/(greatest - least)⌋ in float32; the pattern of all bins is a symbol. I(X;T) = H(T), "
          + "I(T;Y) = H(T) + H(Y) - H(T, Y), H = -Σ p ln p of the counted shares.")
    case .ksg:
      let k = w.put("neighbours", DistanceKraskov.usualNeighborCount)
      w.say(
        "ksg: I(X;T) and I(T;T') = ψ(k) + ψ(n) - (1/n) Σ_i [ψ(n_T + 1) + ψ(n_X + 1)], k = \(k), ψ the digamma function (Kraskov and others 2004, "
          + "eq. 8): ε_i is the k-th smallest over j ≠ i of max(d_ij, d'_ij), n_T and n_X count the j ≠ i with d_ij and d'_ij < ε_i. "
          + "Where distances are equal but for rounding, rounding decides (flag ties)."
      )
      w.say(
        "ksg of classes: I(T;Y) = ψ(n) + (1/n) Σ_i [ψ(k_i) - ψ(n_i) - ψ(m_i)] over the n samples whose class has another (Ross 2014): n_i of "
          + "them are of the class of i, itself included, k_i = min(k, n_i - 1), and m_i counts the j ≠ i with d_ij no greater than the k_i-th "
          + "smallest distance within the class.")
    case .renyi:
      let order = w.put("order", RenyiInformation.order)
      w.say(
        "renyi: A_ij = exp(-d_ij²/(2w²))/n, w = \(w.put("noise", settings.noise)) √s, of classes A_ij = 1/n within a class, else 0; S(A) = ln(Σ λ^a)/(1 - a) of "
          + "the eigenvalues, a = \(order); I = S(A) + S(B) - S(n A∘B), ∘ element by element (Sánchez Giraldo and others 2015)."
      )
    }
  }
}
