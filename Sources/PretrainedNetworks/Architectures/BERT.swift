/// BERT (Devlin et al. 2019), and what is built like it: MiniLM, the sentence encoders.
enum BERT: Architecture {
  static let modelType = "bert"
  static let prefixes = ["bert."]

  static func isIgnored(_ name: String) -> Bool {
    // The second of the two tasks that it was trained on, and copies of the tied embedding.
    ["embeddings.position_ids", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias"]
      .contains(name) || name.hasPrefix("cls.seq_relationship.")
  }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    var plan = try encoder(settings, positions: .table(offset: 0, countsMask: false))
    if names.contains("cls.predictions.transform.dense.weight") {
      plan.head = .masked
      plan.weights.linear(
        "head.transform", "cls.predictions.transform.dense", from: plan.width, to: plan.width,
        bias: true)
      plan.weights.norm("head.norm", "cls.predictions.transform.LayerNorm", plan.width)
      try addScores(
        &plan, settings, names, bias: "cls.predictions.bias", untied: "cls.predictions.decoder")
    }
    addPooler(&plan, names)
    return plan
  }

  /// Scores of the masked-token task: the embedding again, unless the settings say otherwise.
  static func addScores(
    _ plan: inout NetworkPlan, _ settings: Settings, _ names: SourceNames, bias: String,
    untied: String
  ) throws {
    guard case .tokens(let vocabulary) = plan.input else { return }
    if try !settings.flag("tie_word_embeddings", default: true) {
      plan.weights.array("head.weight", untied + ".weight", [vocabulary, plan.width])
    }
    plan.weights.array("head.bias", bias, [vocabulary])
  }

  /// The pooler where there is one; its output is what the network gives where there is no other head.
  static func addPooler(_ plan: inout NetworkPlan, _ names: SourceNames) {
    guard names.contains("pooler.dense.weight") else { return }
    plan.weights.linear("pooler", "pooler.dense", from: plan.width, to: plan.width, bias: true)
    if plan.head == .none { plan.head = .pooler }
  }

  /// The encoder that BERT and RoBERTa share.
  static func encoder(
    _ settings: Settings, positions: NetworkPlan.Positions
  ) throws -> NetworkPlan {
    let width = try settings.count("hidden_size")
    let vocabulary = try settings.count("vocab_size")
    let table = try settings.count("max_position_embeddings")
    var spare = 0
    if case .tableAfterPadding(let pad) = positions { spare = pad + 1 }
    var plan = NetworkPlan(
      try settings.text("model_type"), input: .tokens(vocabulary: vocabulary), width: width,
      layers: try settings.layers("num_hidden_layers"),
      heads: try settings.heads("num_attention_heads", width: width),
      mlpWidth: try settings.count("intermediate_size"),
      epsilon: try settings.number("layer_norm_eps", default: 1e-12), positions: positions,
      positionCount: max(0, table - spare),
      activation: try settings.activation("hidden_act", default: "gelu"))
    let kind = try settings.text("position_embedding_type", default: "absolute")
    try settings.require(
      kind == "absolute", "position_embedding_type absolute", "position_embedding_type")
    try settings.require(
      !(try settings.flag("is_decoder", default: false)), "is_decoder false", "is_decoder")
    (plan.isPreNorm, plan.hasFinalNorm, plan.referenceEndsAfterNorm) = (false, false, false)
    let types = try settings.count("type_vocab_size", default: 2)
    plan.weights.array("embedding.token", "embeddings.word_embeddings.weight", [vocabulary, width])
    plan.weights.array(
      "embedding.position", "embeddings.position_embeddings.weight", [table, width])
    plan.weights.array("embedding.type", "embeddings.token_type_embeddings.weight", [types, width])
    plan.weights.norm("embedding.norm", "embeddings.LayerNorm", width)
    for l in 0..<plan.layerCount {
      let (ours, theirs) = ("layer.\(l).", "encoder.layer.\(l).")
      for part in ["query", "key", "value"] {
        plan.weights.linear(
          ours + "attention." + part, theirs + "attention.self." + part, from: width, to: width,
          bias: true)
      }
      plan.weights.linear(
        ours + "attention.output", theirs + "attention.output.dense", from: width, to: width,
        bias: true)
      plan.weights.norm(ours + "attention.norm", theirs + "attention.output.LayerNorm", width)
      plan.weights.linear(
        ours + "mlp.up", theirs + "intermediate.dense", from: width, to: plan.mlpWidth, bias: true)
      plan.weights.linear(
        ours + "mlp.down", theirs + "output.dense", from: plan.mlpWidth, to: width, bias: true)
      plan.weights.norm(ours + "mlp.norm", theirs + "output.LayerNorm", width)
    }
    return plan
  }
}
