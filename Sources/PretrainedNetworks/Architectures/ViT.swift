import Checkpoints

/// The vision Transformer (Dosovitskiy et al. 2021): patches, a class token, norms before attention and MLP.
enum ViT: Architecture {
  static let modelType = "vit"
  static let prefixes = ["vit."]

  static func isIgnored(_ name: String) -> Bool { name == "embeddings.mask_token" }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    var plan = try encoder(settings, epsilon: 1e-12, prefixes: 1)
    if names.contains("classifier.weight") {
      let classes = try labels(settings)
      plan.head = .classes(classes)
      plan.weights.linear("head", "classifier", from: plan.width, to: classes, bias: true)
    }
    BERT.addPooler(&plan, names)
    return plan
  }

  /// Number of classes: `id2label` has one entry each, and two are not written.
  static func labels(_ settings: Settings) throws -> Int {
    if let names = try settings.inner("id2label") { return names.memberCount }
    return try settings.count("num_labels", default: 2)
  }

  /// Embedding and layers of ViT and DeiT.
  static func encoder(
    _ settings: Settings, epsilon: Double, prefixes: Int
  ) throws -> NetworkPlan {
    var plan = try embedding(
      settings, epsilon: epsilon, prefixes: prefixes, isFree: false,
      mlpWidth: try settings.count("intermediate_size"))
    let bias = try settings.flag("qkv_bias", default: true)
    for l in 0..<plan.layerCount {
      let (ours, theirs) = ("layer.\(l).", "encoder.layer.\(l).")
      plan.weights.norm(ours + "attention.norm", theirs + "layernorm_before", plan.width)
      addAttention(l, &plan, bias)
      plan.weights.norm(ours + "mlp.norm", theirs + "layernorm_after", plan.width)
      plan.weights.linear(
        ours + "mlp.up", theirs + "intermediate.dense", from: plan.width, to: plan.mlpWidth,
        bias: true)
      plan.weights.linear(
        ours + "mlp.down", theirs + "output.dense", from: plan.mlpWidth, to: plan.width, bias: true)
    }
    plan.weights.norm("final_norm", "layernorm", plan.width)
    return plan
  }

  /// Patches, tokens before them, and positions.
  static func embedding(
    _ settings: Settings, epsilon: Double, prefixes: Int, isFree: Bool, mlpWidth: Int
  ) throws -> NetworkPlan {
    let width = try settings.count("hidden_size")
    let image = try settings.size("image_size", default: 224)
    let patch = try settings.size("patch_size", default: 16)
    let channels = try settings.count("num_channels", default: 3)
    try settings.require(channels <= 1 << 16, "at most 65,536 channels", "num_channels")
    try settings.require(patch.height == patch.width, "square patches", "patch_size")
    try settings.require(
      patch.height <= image.height && patch.width <= image.width, "patches within the image",
      "patch_size")
    let positionCount = prefixes + (image.height / patch.height) * (image.width / patch.width)
    var plan = NetworkPlan(
      try settings.text("model_type"),
      input: .image(
        channels: channels, height: image.height, width: image.width, patch: patch.height,
        isFree: isFree), width: width, layers: try settings.layers("num_hidden_layers"),
      heads: try settings.heads("num_attention_heads", width: width), mlpWidth: mlpWidth,
      epsilon: try settings.number("layer_norm_eps", default: epsilon),
      positions: .table(offset: 0, countsMask: false), positionCount: positionCount,
      activation: try settings.activation("hidden_act", default: "gelu"))
    (plan.prefixCount, plan.referenceEndsAfterNorm) = (prefixes, false)
    plan.weights.array(
      "embedding.patch.weight", "embeddings.patch_embeddings.projection.weight",
      [width, channels * patch.height * patch.width],
      sourceShape: [width, channels, patch.height, patch.width])
    plan.weights.array(
      "embedding.patch.bias", "embeddings.patch_embeddings.projection.bias", [width])
    for (ours, theirs) in [("class", "cls_token"), ("distillation", "distillation_token")]
      .prefix(prefixes)
    {
      plan.weights.array(
        "embedding." + ours, "embeddings." + theirs, [width], sourceShape: [1, 1, width])
    }
    plan.weights.array(
      "embedding.position", "embeddings.position_embeddings", [positionCount, width],
      sourceShape: [1, positionCount, width])
    return plan
  }

  /// Projections of one layer's attention, as all vision Transformers of `transformers` name them.
  static func addAttention(_ l: Int, _ plan: inout NetworkPlan, _ bias: Bool) {
    let (ours, theirs) = ("layer.\(l).attention.", "encoder.layer.\(l).attention.")
    for part in ["query", "key", "value"] {
      plan.weights.linear(
        ours + part, theirs + "attention." + part, from: plan.width, to: plan.width, bias: bias)
    }
    plan.weights.linear(
      ours + "output", theirs + "output.dense", from: plan.width, to: plan.width, bias: true)
  }
}
