import Archive
import Transformer

/// What a parameter is: its symbol in the equations of the explanation, and words.
struct ParameterMeaning {
  /// For example `W_Q`.
  let symbol: String
  /// For `long_name`.
  let longName: String

  /// Of a parameter of a network, or of an equation that stands for one.
  init(_ name: String) {
    var parts = name.split(separator: ".").map(String.init)
    var place = ""
    if parts.count > 2, ["blocks", "layers"].contains(parts[0]) {
      place = " of \(parts[0] == "blocks" ? "layer" : "interval") \(parts[1])"
      parts.removeFirst(2)
    }
    if parts.count > 2, parts[0] == "refinements" {
      place = " of refinement \(parts[1])"
      parts.removeFirst(2)
    }
    var change = ""
    if let last = parts.last, let words = Self.changes[last] {
      change = words
      parts.removeLast()
    }
    let key = parts.joined(separator: ".")
    let (symbol, words) = Self.known[key] ?? (key, key)
    self.symbol = change.isEmpty ? symbol : symbol + " " + (name.split(separator: ".").last ?? "")
    longName = change + "\(symbol)\(place): \(words)"
  }

  /// What `modulated` adds, by the last part of its name.
  private static let changes = [
    "modulation": "coefficients of T_k(2t - 1), k = 1 first, that are added to ",
    "left": "left factors of the changes, output side, Σ_k T_k(2t - 1) leftₖ rightₖ, of ",
    "right": "right factors of the changes, input side, Σ_k T_k(2t - 1) leftₖ rightₖ, of ",
  ]

  private static let known: [String: (symbol: String, words: String)] = {
    var known: [String: (String, String)] = [
      "embed.weight": ("W_E", "matrix of the embedding, W_E x + b_E"),
      "embed.bias": ("b_E", "bias of the embedding, W_E x + b_E"),
      "token_embedding.weight": ("E", "vector of each token"),
      "class_token": ("c", "vector of the class token"),
      "position_embedding.weight": ("P", "vector added at each position"),
      "classifier.weight": ("W_C", "matrix of the classifier, W_C x + b_C"),
      "classifier.bias": ("b_C", "bias of the classifier"),
      "bottleneck.log_sigma": ("ln σ", "logarithm of the noise of the bottleneck, each channel"),
      "strength": ("a", "raw strength, α = bound/(1 + e^(-a)), each channel"),
      "reaction": ("β", "strength of the reaction β tanh u, each channel"),
      "velocity": ("w", "raw velocity along each axis, v = bound tanh w, each channel"),
      "diffusivity.raw": ("raw", "raw diffusivity, D = ln(1 + e^raw), each channel"),
      "attention_strength": ("α", "factor of the attention"),
    ]
    for (name, letter, words) in [
      ("norm1", "1", "before or after attention"), ("norm2", "2", "before or after the MLP"),
      ("final_norm", "f", "before the classifier"),
    ] {
      known[name + ".weight"] = ("γ_\(letter)", "gain of the norm \(words)")
      known[name + ".bias"] = ("β_\(letter)", "offset of the norm \(words)")
    }
    for (name, letter, words) in [
      ("query", "Q", "queries, q = W_Q x + b_Q"), ("key", "K", "keys, k = W_K x + b_K"),
      ("value", "V", "values, v = W_V x + b_V"),
      ("output", "O", "output of attention, W_O o + b_O"),
    ] {
      known["attention.\(name).weight"] = ("W_\(letter)", "matrix of the \(words)")
      known["attention.\(name).bias"] = ("b_\(letter)", "bias of the \(words)")
    }
    for group in ["mlp", "reaction"] {
      for (name, letter, words) in [
        ("gate", "g", "gate, W_g x + b_g"), ("up", "1", "first layer of the MLP, W_1 x + b_1"),
        ("down", "2", "second layer of the MLP, W_2 y + b_2"),
      ] {
        known["\(group).\(name).weight"] = ("W_\(letter)", "matrix of the \(words)")
        known["\(group).\(name).bias"] = ("b_\(letter)", "bias of the \(words)")
      }
    }
    return known
  }()
}

extension ParameterLayout {
  /// What an archive says beside each parameter: symbol, place in the vector of all, first values, decay.
  func facts(_ index: Int) -> [String: AttributeValue] {
    let entry = entries[index]
    var facts: [String: AttributeValue] = [
      "symbol": .text(ParameterMeaning(entry.name).symbol), "place": .integer(Int64(index)),
      "offset": .integer(Int64(entry.offset)), "weight_decay": .integer(entry.decays ? 1 : 0),
    ]
    switch entry.start {
    case .matrix: facts["initial"] = .text("matrix")
    case .constant(let value):
      (facts["initial"], facts["initial_value"]) = (.text("constant"), .number(value))
    case .normal(let deviation):
      (facts["initial"], facts["initial_value"]) = (.text("normal"), .number(deviation))
    }
    return facts
  }
}
