/// DINOv2 (Oquab et al. 2024): ViT with a learned factor on what attention and MLP add, positions interpolated for images of other
/// sizes, and, in the largest, a gated MLP.
enum DINOv2: Architecture {
  static let modelType = "dinov2"
  static let prefixes = ["dinov2."]

  static func isIgnored(_ name: String) -> Bool { name == "embeddings.mask_token" }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    let width = try settings.count("hidden_size")
    let ratio = try settings.number("mlp_ratio", default: 4)
    try settings.require(ratio > 0 && ratio <= 1000, "mlp_ratio up to 1000", "mlp_ratio")
    let isGated = try settings.flag("use_swiglu_ffn", default: false)
    let plain = Int(Double(width) * ratio)
    var plan = try ViT.embedding(
      settings, epsilon: 1e-6, prefixes: 1, isFree: true,
      mlpWidth: isGated ? (plain * 2 / 3 + 7) / 8 * 8 : plain)
    if isGated { (plan.isGated, plan.activation) = (true, .silu) }
    let bias = try settings.flag("qkv_bias", default: true)
    for l in 0..<plan.layerCount {
      let (ours, theirs) = ("layer.\(l).", "encoder.layer.\(l).")
      plan.weights.norm(ours + "attention.norm", theirs + "norm1", width)
      ViT.addAttention(l, &plan, bias)
      plan.weights.array(ours + "attention.scale", theirs + "layer_scale1.lambda1", [width])
      plan.weights.norm(ours + "mlp.norm", theirs + "norm2", width)
      addMLP(l, &plan)
      plan.weights.array(ours + "mlp.scale", theirs + "layer_scale2.lambda1", [width])
    }
    plan.weights.norm("final_norm", "layernorm", width)
    return plan
  }

  private static func addMLP(_ l: Int, _ plan: inout NetworkPlan) {
    let (ours, theirs) = ("layer.\(l).mlp.", "encoder.layer.\(l).mlp.")
    let (width, inner) = (plan.width, plan.mlpWidth)
    guard plan.isGated else {
      plan.weights.linear(ours + "up", theirs + "fc1", from: width, to: inner, bias: true)
      plan.weights.linear(ours + "down", theirs + "fc2", from: inner, to: width, bias: true)
      return
    }
    for (part, rows) in [("gate", 0..<inner), ("up", inner..<2 * inner)] {
      plan.weights.linear(
        ours + part, theirs + "weights_in", from: width, to: inner, bias: true, rows: [rows],
        of: 2 * inner)
    }
    plan.weights.linear(ours + "down", theirs + "weights_out", from: inner, to: width, bias: true)
  }
}
