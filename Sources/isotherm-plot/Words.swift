import Console
import Foundation

/// Words for what archives call by keys: a figure is read by people who never saw the file. What is not known stays as it is.
enum Words {
  /// A network, an equation of the ladder, or a null.
  static func candidate(_ name: String) -> String {
    let words = [
      "network": "network", "autonomous": "autonomous PDE", "modulated": "modulated PDE",
      "layerwise": "layerwise PDE", "diffusion": "diffusion alone",
      "persistence": "state as it was", "uniform": "all keys alike",
      "position": "mean map of positions", "untrained": "before training",
      "shuffled": "maps of other samples", "random": "random matrix",
    ]
    return words[name] ?? name.replacing("_", with: " ")
  }

  /// Whether a name is that of a null: what there would be if nothing had been learnt.
  static func isNull(_ name: String) -> Bool {
    ["uniform", "position", "untrained", "shuffled", "random", "persistence"].contains(name)
  }

  /// What a network's loss is set against.
  static func null(_ name: String) -> String {
    ["shuffled": "shuffled answers", "untrained": "before training"][name]
      ?? name.replacing("_", with: " ")
  }

  /// An estimator of information.
  static func estimator(_ name: String) -> String {
    let words = [
      "kde": "kernel density, upper bound", "kde-lower": "kernel density, lower bound",
      "binning": "binning",
      "ksg": "nearest neighbours (KSG)", "renyi": "matrix-based Rényi",
    ]
    return words[name] ?? name
  }

  /// A weight matrix by its name: «layer 3, attention query».
  static func matrix(_ name: String) -> String {
    let parts = WeightName(name)
    let kind = parts.kind.replacing(".", with: " ").replacing("_", with: " ")
    return parts.layer.map { "layer \($0), \(kind)" } ?? kind
  }

  /// A kind of perturbation of a size: «noise of 0.1», «20 % of positions blanked».
  static func perturbation(_ kind: String, _ size: Double) -> String {
    let share = "\(Format.digits(100 * size)) % of positions"
    switch kind {
    case "noise": return "noise of \(Format.digits(size)) of the embedding's rms"
    case "mask": return share + " blanked"
    case "swap": return share + " swapped"
    default: return "\(kind) \(Format.digits(size))"
    }
  }

  /// The name of a variant, `norm pre, residual false`, in which each part is a key of the configuration and its value.
  static func variant(_ name: String) -> String {
    name.components(separatedBy: ", ").map { part in
      guard let space = part.firstIndex(of: " ") else { return candidate(part) }
      let (key, value) = (String(part[..<space]), String(part[part.index(after: space)...]))
      if ["noise", "mask", "swap"].contains(key), let size = Double(value) {
        return perturbation(key, size)
      }
      return setting(key, value)
    }.joined(separator: ", ")
  }

  /// A key of the configuration, by its last word, with its value.
  static func setting(_ key: String, _ value: String) -> String {
    switch (key, value) {
    case ("residual", "true"): return "residual connections on"
    case ("residual", "false"): return "residual connections off"
    case ("norm", "pre"): return "norm before each block"
    case ("norm", "post"): return "norm after each block"
    case ("norm", "none"): return "no layer norm"
    case ("refine", "none"), ("refine", "[]"): return "no refinement"
    case ("refine", _):
      // Kind, place and number of steps.
      let parts = value.split(separator: " ")
      return parts.first.map { "\($0) after the \(parts.dropFirst().first ?? "embedding")" }
        ?? value
    case ("layers", _): return "\(value) layers"
    case ("heads", _): return "\(value) heads"
    case ("width", _): return "width \(value)"
    default: return "\(self.key(key)) \(value.replacing("_", with: " "))"
    }
  }

  /// A key of the configuration in words, by its last word.
  static func key(_ key: String) -> String {
    let last = key.split(separator: ".").last.map(String.init) ?? key
    let words = [
      "rate": "learning rate", "norm": "layer norm", "residual": "residual connections",
      "mlp": "width of the MLP", "refine": "refinement", "kv_heads": "heads of keys and values",
      "norm_kind": "kind of norm", "seed": "seed", "dropout": "dropout",
      "attention_weight": "weight of the attention maps",
    ]
    return words[last] ?? last.replacing("_", with: " ")
  }

  /// A metric of a summary: `stability/final_spread_first` is «spread of positions before training».
  static func metric(_ name: String) -> String {
    let words = [
      "attention/raw_cosine/value": "cosine of attention maps",
      "attention/raw_cosine/skill": "skill of attention maps, by cosine",
      "attention/centred_cosine/value": "centred cosine of attention maps",
      "attention/centred_cosine/skill": "skill of attention maps, by centred cosine",
      "attention/rank_correlation/value": "rank correlation of attention maps",
      "flow/state_error": "squared error of states, relative",
      "flow/correlation": "correlation of successive states",
      "flow/drift": "drift from the embedding",
      "gradients/parameter_norm": "norm of the parameters' gradient",
      "gradients/log_state_first": "ln of the states' gradient, before training",
      "gradients/log_state_last": "ln of the states' gradient, after training",
      "gradients/log_ratio_first":
        "ln of the gradient at the embedding over that at the end, before training",
      "gradients/log_state": "ln of the states' gradient",
      "gradients/layer_log_norm": "ln of the gradient norm of a layer",
      "gradients/layer_log_spread": "spread of ln of a layer's gradient norm over training",
      "gradients/log_ratio_last":
        "ln of the gradient at the embedding over that at the end, after training",
      "flow/position_norm": "norm of the states",
      "flow/position_spread": "spread of positions",
      "flow/cka": "CKA of two depths",
      "attention/entropy": "entropy of attention rows",
      "attention/distance": "distance of attended positions",
      "attention/head_similarity": "likeness of heads",
      "attention/jensen_shannon/value": "Jensen-Shannon divergence of attention rows",
      "attention/kullback_leibler/value": "Kullback-Leibler divergence of attention rows",
      "attention/parameter_count": "parameters",
      "perturbation/attention_change": "change of the attention maps",
      "perturbation/flipped": "share of answers that change",
      "perturbation/output_divergence": "divergence of the answers",
      "perturbation/size": "size of the perturbation",
      "perturbation/log_growth": "ln of the growth of a perturbation",
      "stability/test_accuracy": "accuracy on the test split",
      "stability/diverged": "share of runs that diverged",
      "stability/parameter_count": "parameters",
      "stability/final_drift_first": "drift from the embedding before training",
      "stability/final_drift_last": "drift from the embedding after training",
      "stability/final_spread_first": "spread of positions before training",
      "stability/final_spread_last": "spread of positions after training",
      "stability/final_cosine_first": "cosine with the embedding before training",
      "stability/final_cosine_last": "cosine with the embedding after training",
      "stability/final_log_growth_first": "ln of the states' growth before training",
      "stability/final_log_growth_last": "ln of the states' growth after training",
      "stability/cka_first": "CKA with the embedding, before training",
      "stability/cka_last": "CKA with the embedding, after training",
      "stability/cosine_first": "cosine with the embedding, before training",
      "stability/cosine_last": "cosine with the embedding, after training",
      "stability/drift_first": "drift from the embedding, before training",
      "stability/drift_last": "drift from the embedding, after training",
      "stability/log_growth_first": "ln of the states' growth, before training",
      "stability/log_growth_last": "ln of the states' growth, after training",
      "stability/spread_first": "spread of positions, before training",
      "stability/spread_last": "spread of positions, after training",
      "stability/final_cka_first": "CKA of the last state with the embedding, before training",
      "stability/final_cka_last": "CKA of the last state with the embedding, after training",
      "stability/gradient_peak": "largest gradient norm over the median",
      "stability/spikes": "spikes of the loss",
    ]
    if let found = words[name] { return found }
    let bottleneck = [
      "compression": "compression of I(X;T)", "peak": "when I(X;T) is largest, share of training",
      "input": "I(X;T)", "label": "I(T;Y)", "label_gain": "gain of I(T;Y) in training",
      "label_null": "I(T;Y) of shuffled labels",
      "input_first": "I(X;T) before training", "input_last": "I(X;T) after training",
      "label_first": "I(T;Y) before training", "label_last": "I(T;Y) after training",
    ]
    let path = name.split(separator: "/").map(String.init)
    if path.count == 3, path[0] == "bottleneck", let words = bottleneck[path[2]] {
      return "\(words), \(estimator(path[1]))"
    }
    let parts = name.split(separator: "/").dropFirst().filter { $0 != "value" }
    return parts.map { estimator(String($0)) }.joined(separator: ", ").replacing("_", with: " ")
  }

  /// Between which numbers a metric can only be; an interval by Student's t may reach beyond.
  static func bounds(_ metric: String) -> ClosedRange<Double> {
    let least = -Double.infinity
    // Of a quantity that has bounds the logarithm has others.
    if metric.contains("log_") { return least...Double.infinity }
    for part in metric.split(separator: "/").reversed() {
      if part.hasSuffix("cosine") || part.contains("cosine_") || part.hasSuffix("correlation") {
        return metric.hasSuffix("skill") ? least...1 : -1...1
      }
      if part == "skill" { return least...1 }
      if ["accuracy", "test_accuracy", "diverged", "flipped", "cka"].contains(part)
        || part.hasPrefix("final_spread") || part.hasPrefix("spread")
      {
        return 0...1
      }
      if part == "state_error" || part.hasSuffix("_norm") || part.hasSuffix("count") {
        return 0...Double.infinity
      }
    }
    return least...Double.infinity
  }

  /// Whether a metric says how alike things are, 1 for the same.
  static func isLikeness(_ metric: String) -> Bool {
    bounds(metric) == -1...1 || metric.hasSuffix("skill") || metric.hasSuffix("cka")
  }
}
