/// Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases on queries, keys and values.
enum Qwen2: Architecture {
  static let modelType = "qwen2"
  static let prefixes = ["model."]

  static func isIgnored(_ name: String) -> Bool { Llama.isIgnored(name) }

  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan {
    try refuseWindows(settings)
    return try Llama.decoder(
      settings, names, epsilon: 1e-6, biases: (true, false), mlpBias: false)
  }

  /// Attention within a sliding window is not computed.
  static func refuseWindows(_ settings: Settings) throws {
    try settings.require(
      !(try settings.flag("use_sliding_window", default: false)), "use_sliding_window false",
      "use_sliding_window")
  }
}
