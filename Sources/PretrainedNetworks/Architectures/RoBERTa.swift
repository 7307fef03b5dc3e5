/// RoBERTa (Liu et al. 2019): BERT with positions that begin behind the padding token's id.
enum RoBERTa: Architecture {
  static let modelType = "roberta"
  static let prefixes = ["roberta."]

  static func isIgnored(_ name: String) -> Bool {
    ["embeddings.position_ids", "lm_head.decoder.weight", "lm_head.decoder.bias"].contains(name)
  }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    let pad = try settings.integer("pad_token_id") ?? 1
    try settings.require(pad >= 0, "pad_token_id of at least 0", "pad_token_id")
    var plan = try BERT.encoder(settings, positions: .tableAfterPadding(pad: pad))
    if names.contains("lm_head.dense.weight") {
      plan.head = .masked
      plan.weights.linear(
        "head.transform", "lm_head.dense", from: plan.width, to: plan.width, bias: true)
      plan.weights.norm("head.norm", "lm_head.layer_norm", plan.width)
      try BERT.addScores(&plan, settings, names, bias: "lm_head.bias", untied: "lm_head.decoder")
    }
    BERT.addPooler(&plan, names)
    return plan
  }
}
