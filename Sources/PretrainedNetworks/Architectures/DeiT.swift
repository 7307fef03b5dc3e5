/// DeiT (Touvron et al. 2021): ViT with a second token, whose class scores are averaged with the first's.
enum DeiT: Architecture {
  static let modelType = "deit"
  static let prefixes = ["deit."]

  static func isIgnored(_ name: String) -> Bool { name == "embeddings.mask_token" }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    var plan = try ViT.encoder(settings, epsilon: 1e-12, prefixes: 2)
    if names.contains("cls_classifier.weight") {
      let classes = try ViT.labels(settings)
      plan.head = .distilledClasses(classes)
      plan.weights.linear("head", "cls_classifier", from: plan.width, to: classes, bias: true)
      plan.weights.linear(
        "distillation_head", "distillation_classifier", from: plan.width, to: classes, bias: true)
    } else if names.contains("classifier.weight") {
      let classes = try ViT.labels(settings)
      plan.head = .classes(classes)
      plan.weights.linear("head", "classifier", from: plan.width, to: classes, bias: true)
    }
    BERT.addPooler(&plan, names)
    return plan
  }
}
