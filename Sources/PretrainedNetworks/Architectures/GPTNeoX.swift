/// GPT-NeoX (Black et al. 2022) and Pythia: rotary positions on a part of each head, attention and MLP beside each other;
/// queries, keys and values of a head lie beside each other.
enum GPTNeoX: Architecture {
  static let modelType = "gpt_neox"
  static let prefixes = ["gpt_neox."]

  static func isIgnored(_ name: String) -> Bool {
    ["attention.bias", "attention.masked_bias", "rotary_emb.inv_freq"].contains {
      name.hasSuffix("." + $0)
    }
  }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    let width = try settings.count("hidden_size")
    let vocabulary = try settings.count("vocab_size")
    let heads = try settings.heads("num_attention_heads", width: width)
    let positionCount = try settings.count("max_position_embeddings", default: 2048)
    let outer = try settings.number("rotary_pct", "partial_rotary_factor", default: 0.25)
    let part =
      try settings.inner("rope_parameters")?.number("partial_rotary_factor", default: outer)
      ?? outer
    try settings.require(part > 0 && part <= 1, "a rotary part from 0 to 1", "rotary_pct")
    let frequencies = try RotaryFrequencies.read(
      settings, width: Int(Double(width / heads) * part), positionCount: positionCount,
      thetaKey: "rotary_emb_base")
    var plan = NetworkPlan(
      modelType, input: .tokens(vocabulary: vocabulary), width: width,
      layers: try settings.layers("num_hidden_layers"), heads: heads,
      mlpWidth: try settings.count("intermediate_size"),
      epsilon: try settings.number("layer_norm_eps", default: 1e-5),
      positions: .rotary(frequencies: frequencies), positionCount: positionCount,
      activation: try settings.activation("hidden_act", default: "gelu"))
    plan.isCausal = true
    plan.isParallel = try settings.flag("use_parallel_residual", default: true)
    plan.weights.array("embedding.token", "embed_in.weight", [vocabulary, width])
    let bias = try settings.flag("attention_bias", default: true)
    for l in 0..<plan.layerCount { addLayer(l, &plan, bias) }
    plan.weights.norm("final_norm", "final_layer_norm", width)
    // The bare network is published without the scores of tokens.
    let isTied = try settings.flag("tie_word_embeddings", default: false)
    if isTied || names.contains("embed_out.weight") {
      plan.head = .language
      if !isTied { plan.weights.array("head.weight", "embed_out.weight", [vocabulary, width]) }
    }
    return plan
  }

  private static func addLayer(_ l: Int, _ plan: inout NetworkPlan, _ bias: Bool) {
    let (ours, theirs, width) = ("layer.\(l).", "layers.\(l).", plan.width)
    plan.weights.norm(ours + "attention.norm", theirs + "input_layernorm", width)
    for (number, part) in ["query", "key", "value"].enumerated() {
      let rows = (0..<plan.headCount).map { head in
        let start = (3 * head + number) * plan.headWidth
        return start..<start + plan.headWidth
      }
      plan.weights.linear(
        ours + "attention." + part, theirs + "attention.query_key_value", from: width, to: width,
        bias: bias, rows: rows, of: 3 * width)
    }
    plan.weights.linear(
      ours + "attention.output", theirs + "attention.dense", from: width, to: width, bias: bias)
    plan.weights.norm(ours + "mlp.norm", theirs + "post_attention_layernorm", width)
    plan.weights.linear(
      ours + "mlp.up", theirs + "mlp.dense_h_to_4h", from: width, to: plan.mlpWidth, bias: true)
    plan.weights.linear(
      ours + "mlp.down", theirs + "mlp.dense_4h_to_h", from: plan.mlpWidth, to: width, bias: true)
  }
}
