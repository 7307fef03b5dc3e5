/// Qwen3 (Yang et al. 2025): Llama with a head width of its own, and a norm of each head's queries and keys before they are
/// turned.
enum Qwen3: Architecture {
  static let modelType = "qwen3"
  static let prefixes = ["model."]

  static func isIgnored(_ name: String) -> Bool { Llama.isIgnored(name) }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    try Qwen2.refuseWindows(settings)
    let bias = try settings.flag("attention_bias", default: false)
    return try Llama.decoder(
      settings, names, epsilon: 1e-6, biases: (bias, bias), mlpBias: false, headNorms: true,
      headWidth: 128)
  }
}
