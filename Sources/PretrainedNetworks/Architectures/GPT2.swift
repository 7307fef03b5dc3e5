/// GPT-2 (Radford et al. 2019). Its linear layers are stored `[in, out]`; queries, keys and values lie beside each other.
enum GPT2: Architecture {
  static let modelType = "gpt2"
  static let prefixes = ["transformer."]

  static func isIgnored(_ name: String) -> Bool {
    name == "lm_head.weight" || name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias")
  }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    let width = try settings.count("n_embd", "hidden_size")
    let vocabulary = try settings.count("vocab_size")
    let table = try settings.count("n_positions", "max_position_embeddings")
    var plan = NetworkPlan(
      modelType, input: .tokens(vocabulary: vocabulary), width: width,
      layers: try settings.layers("n_layer"), heads: try settings.heads("n_head", width: width),
      mlpWidth: try settings.count("n_inner", default: 4 * width),
      epsilon: try settings.number("layer_norm_epsilon", default: 1e-5),
      positions: .table(offset: 0, countsMask: false), positionCount: table,
      activation: try settings.activation("activation_function", default: "gelu_new"))
    try settings.require(
      !(try settings.flag("add_cross_attention", default: false)), "add_cross_attention false",
      "add_cross_attention")
    plan.isCausal = true
    let scaled = try settings.flag("scale_attn_weights", default: true)
    let byLayer = try settings.flag("scale_attn_by_inverse_layer_idx", default: false)
    if !scaled || byLayer {
      plan.scoreScales = (0..<plan.layerCount).map {
        (scaled ? 1 / Float(plan.headWidth).squareRoot() : 1) / (byLayer ? Float($0 + 1) : 1)
      }
    }
    plan.weights.array("embedding.token", "wte.weight", [vocabulary, width])
    plan.weights.array("embedding.position", "wpe.weight", [table, width])
    for l in 0..<plan.layerCount { addLayer(l, &plan) }
    plan.weights.norm("final_norm", "ln_f", width)
    plan.head = .language
    if try !settings.flag("tie_word_embeddings", default: true) {
      plan.weights.array("head.weight", "lm_head.weight", [vocabulary, width])
    }
    return plan
  }

  private static func addLayer(_ l: Int, _ plan: inout NetworkPlan) {
    let (ours, theirs, width) = ("layer.\(l).", "h.\(l).", plan.width)
    plan.weights.norm(ours + "attention.norm", theirs + "ln_1", width)
    for (number, part) in ["query", "key", "value"].enumerated() {
      plan.weights.linear(
        ours + "attention." + part, theirs + "attn.c_attn", from: width, to: width, bias: true,
        isTransposed: true, rows: [number * width..<(number + 1) * width], of: 3 * width)
    }
    plan.weights.linear(
      ours + "attention.output", theirs + "attn.c_proj", from: width, to: width, bias: true,
      isTransposed: true)
    plan.weights.norm(ours + "mlp.norm", theirs + "ln_2", width)
    plan.weights.linear(
      ours + "mlp.up", theirs + "mlp.c_fc", from: width, to: plan.mlpWidth, bias: true,
      isTransposed: true)
    plan.weights.linear(
      ours + "mlp.down", theirs + "mlp.c_proj", from: plan.mlpWidth, to: width, bias: true,
      isTransposed: true)
  }
}
