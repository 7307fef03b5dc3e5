/// Llama (Touvron et al. 2023; Llama 3): RMS norms, rotary positions, gated MLP, keys and values shared by several heads.
enum Llama: Architecture {
  static let modelType = "llama"
  static let prefixes = ["model."]

  static func isIgnored(_ name: String) -> Bool { name.hasSuffix("rotary_emb.inv_freq") }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    let attention = try settings.flag("attention_bias", default: false)
    return try decoder(
      settings, names, epsilon: 1e-6, biases: (attention, attention),
      mlpBias: try settings.flag("mlp_bias", default: false))
  }

  /// The decoder that Llama and Qwen share.
  ///
  /// - Parameters:
  ///   - biases: whether queries, keys and values, and whether the output of attention have a bias.
  ///   - headNorms: whether queries and keys of each head are normalised.
  static func decoder(
    _ settings: Settings, _ names: SourceNames, epsilon: Double,
    biases: (projections: Bool, output: Bool), mlpBias: Bool, headNorms: Bool = false,
    headWidth fallback: Int? = nil
  ) throws -> NetworkPlan {
    let width = try settings.count("hidden_size")
    let vocabulary = try settings.count("vocab_size")
    let heads = try settings.count("num_attention_heads")
    let keyValueHeads = try settings.count("num_key_value_heads", default: heads)
    let headWidth = try settings.count("head_dim", default: fallback ?? max(width / heads, 1))
    try settings.require(
      heads % keyValueHeads == 0, "num_key_value_heads that divides \(heads)",
      "num_key_value_heads")
    let positionCount = try settings.count("max_position_embeddings", default: 2048)
    let frequencies = try RotaryFrequencies.read(
      settings, width: headWidth, positionCount: positionCount)
    var plan = NetworkPlan(
      try settings.text("model_type"), input: .tokens(vocabulary: vocabulary), width: width,
      layers: try settings.layers("num_hidden_layers"), heads: heads,
      mlpWidth: try settings.count("intermediate_size"),
      epsilon: try settings.number("rms_norm_eps", default: epsilon),
      positions: .rotary(frequencies: frequencies), positionCount: positionCount,
      activation: try settings.activation("hidden_act", default: "silu"))
    (plan.keyValueHeadCount, plan.headWidth) = (keyValueHeads, headWidth)
    (plan.norm, plan.isCausal, plan.isGated) = (.rootMeanSquare, true, true)
    plan.weights.array("embedding.token", "embed_tokens.weight", [vocabulary, width])
    for l in 0..<plan.layerCount { addLayer(l, &plan, biases, mlpBias, headNorms) }
    plan.weights.norm("final_norm", "norm", width, bias: false)
    // The bare network is published without the scores of tokens.
    let isTied = try settings.flag("tie_word_embeddings", default: false)
    if isTied || names.contains("lm_head.weight") {
      plan.head = .language
      if !isTied { plan.weights.array("head.weight", "lm_head.weight", [vocabulary, width]) }
    }
    return plan
  }

  private static func addLayer(
    _ l: Int, _ plan: inout NetworkPlan, _ biases: (projections: Bool, output: Bool),
    _ mlpBias: Bool, _ headNorms: Bool
  ) {
    let (ours, theirs, width) = ("layer.\(l).", "layers.\(l).", plan.width)
    let queries = plan.headCount * plan.headWidth
    let keys = plan.keyValueHeadCount * plan.headWidth
    plan.weights.norm(ours + "attention.norm", theirs + "input_layernorm", width, bias: false)
    for (part, name, outputs) in [
      ("query", "q", queries), ("key", "k", keys), ("value", "v", keys),
    ] {
      plan.weights.linear(
        ours + "attention." + part, theirs + "self_attn.\(name)_proj", from: width, to: outputs,
        bias: biases.projections)
    }
    if headNorms {
      for (part, name) in [("query_norm", "q_norm"), ("key_norm", "k_norm")] {
        plan.weights.norm(
          ours + "attention." + part, theirs + "self_attn." + name, plan.headWidth, bias: false)
      }
    }
    plan.weights.linear(
      ours + "attention.output", theirs + "self_attn.o_proj", from: queries, to: width,
      bias: biases.output)
    plan.weights.norm(ours + "mlp.norm", theirs + "post_attention_layernorm", width, bias: false)
    for part in ["gate", "up"] {
      plan.weights.linear(
        ours + "mlp." + part, theirs + "mlp.\(part)_proj", from: width, to: plan.mlpWidth,
        bias: mlpBias)
    }
    plan.weights.linear(
      ours + "mlp.down", theirs + "mlp.down_proj", from: plan.mlpWidth, to: width, bias: mlpBias)
  }
}
