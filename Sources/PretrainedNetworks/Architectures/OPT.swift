/// OPT (Zhang et al. 2022): positions begin at row 2 of their table and count tokens that are not masked.
enum OPT: Architecture {
  static let modelType = "opt"
  static let prefixes = ["model.decoder.", "decoder."]

  static func isIgnored(_ name: String) -> Bool { name == "lm_head.weight" }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    let width = try settings.count("hidden_size")
    let vocabulary = try settings.count("vocab_size")
    let positionCount = try settings.count("max_position_embeddings")
    let inner = try settings.count("word_embed_proj_dim", default: width)
    let bias = try settings.flag("enable_bias", default: true)
    try settings.require(
      try settings.flag("layer_norm_elementwise_affine", default: true),
      "layer_norm_elementwise_affine true", "layer_norm_elementwise_affine")
    var plan = NetworkPlan(
      modelType, input: .tokens(vocabulary: vocabulary), width: width,
      layers: try settings.layers("num_hidden_layers"),
      heads: try settings.heads("num_attention_heads", width: width),
      mlpWidth: try settings.count("ffn_dim"), epsilon: 1e-5,
      positions: .table(offset: 2, countsMask: true), positionCount: positionCount,
      activation: try settings.activation("activation_function", default: "relu"))
    plan.isCausal = true
    plan.isPreNorm = try settings.flag("do_layer_norm_before", default: true)
    plan.hasFinalNorm =
      try plan.isPreNorm && !settings.flag("_remove_final_layer_norm", default: false)
    plan.referenceEndsAfterNorm = plan.hasFinalNorm
    plan.weights.array("embedding.token", "embed_tokens.weight", [vocabulary, inner])
    plan.weights.array("embedding.position", "embed_positions.weight", [positionCount + 2, width])
    if inner != width {
      plan.weights.linear("embedding.projection", "project_in", from: inner, to: width, bias: false)
      plan.weights.linear("head.projection", "project_out", from: width, to: inner, bias: false)
    }
    for l in 0..<plan.layerCount { addLayer(l, &plan, bias) }
    if plan.hasFinalNorm { plan.weights.norm("final_norm", "final_layer_norm", width) }
    plan.head = .language
    if try !settings.flag("tie_word_embeddings", default: true) {
      plan.weights.array("head.weight", "lm_head.weight", [vocabulary, inner])
    }
    return plan
  }

  private static func addLayer(_ l: Int, _ plan: inout NetworkPlan, _ bias: Bool) {
    let (ours, theirs, width) = ("layer.\(l).", "layers.\(l).", plan.width)
    plan.weights.norm(ours + "attention.norm", theirs + "self_attn_layer_norm", width)
    for (part, name) in [("query", "q"), ("key", "k"), ("value", "v"), ("output", "out")] {
      plan.weights.linear(
        ours + "attention." + part, theirs + "self_attn.\(name)_proj", from: width, to: width,
        bias: bias)
    }
    plan.weights.norm(ours + "mlp.norm", theirs + "final_layer_norm", width)
    plan.weights.linear(
      ours + "mlp.up", theirs + "fc1", from: width, to: plan.mlpWidth, bias: bias)
    plan.weights.linear(
      ours + "mlp.down", theirs + "fc2", from: plan.mlpWidth, to: width, bias: bias)
  }
}
