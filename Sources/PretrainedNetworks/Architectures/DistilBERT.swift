/// DistilBERT (Sanh et al. 2019): BERT without types of tokens, with names of its own.
enum DistilBERT: Architecture {
  static let modelType = "distilbert"
  static let prefixes = ["distilbert."]

  static func isIgnored(_ name: String) -> Bool {
    ["embeddings.position_ids", "vocab_projector.weight"].contains(name)
  }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    let width = try settings.count("dim")
    let vocabulary = try settings.count("vocab_size")
    let table = try settings.count("max_position_embeddings")
    var plan = NetworkPlan(
      modelType, input: .tokens(vocabulary: vocabulary), width: width,
      layers: try settings.layers("n_layers"), heads: try settings.heads("n_heads", width: width),
      mlpWidth: try settings.count("hidden_dim"), epsilon: 1e-12,
      positions: .table(offset: 0, countsMask: false), positionCount: table,
      activation: try settings.activation("activation", default: "gelu"))
    (plan.isPreNorm, plan.hasFinalNorm, plan.referenceEndsAfterNorm) = (false, false, false)
    plan.weights.array("embedding.token", "embeddings.word_embeddings.weight", [vocabulary, width])
    plan.weights.array(
      "embedding.position", "embeddings.position_embeddings.weight", [table, width])
    plan.weights.norm("embedding.norm", "embeddings.LayerNorm", width)
    for l in 0..<plan.layerCount {
      let (ours, theirs) = ("layer.\(l).", "transformer.layer.\(l).")
      for (part, name) in [("query", "q"), ("key", "k"), ("value", "v"), ("output", "out")] {
        plan.weights.linear(
          ours + "attention." + part, theirs + "attention.\(name)_lin", from: width, to: width,
          bias: true)
      }
      plan.weights.norm(ours + "attention.norm", theirs + "sa_layer_norm", width)
      plan.weights.linear(
        ours + "mlp.up", theirs + "ffn.lin1", from: width, to: plan.mlpWidth, bias: true)
      plan.weights.linear(
        ours + "mlp.down", theirs + "ffn.lin2", from: plan.mlpWidth, to: width, bias: true)
      plan.weights.norm(ours + "mlp.norm", theirs + "output_layer_norm", width)
    }
    if names.contains("vocab_transform.weight") {
      plan.head = .masked
      plan.weights.linear("head.transform", "vocab_transform", from: width, to: width, bias: true)
      plan.weights.norm("head.norm", "vocab_layer_norm", width)
      try BERT.addScores(
        &plan, settings, names, bias: "vocab_projector.bias", untied: "vocab_projector")
    }
    return plan
  }
}
