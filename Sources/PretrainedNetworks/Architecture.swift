import Checkpoints

/// A kind of network that people publish. To add one, write a file with a type of this protocol and name it in ``all``.
protocol Architecture: SendableMetatype {
  /// `model_type` of a `config.json`.
  static var modelType: String { get }
  /// What names in a file begin with, or do not, depending on how it was saved.
  static var prefixes: [String] { get }
  /// Whether a tensor of this name, without prefix, is no weight that the network needs: buffers, copies, heads for training.
  static func isIgnored(_ name: String) -> Bool
  /// What the network is.
  /// - Throws: ``CheckpointError`` for a setting that is missing, wrong or not supported.
  static func plan(_ settings: Settings, _ names: SourceNames) throws -> NetworkPlan
}

enum Architectures {
  /// Every architecture that is supported.
  static let all: [any Architecture.Type] = [
    BERT.self, RoBERTa.self, DistilBERT.self, GPT2.self, GPTNeoX.self, Llama.self, Qwen2.self,
    Qwen3.self, OPT.self, ViT.self, DeiT.self, DINOv2.self,
  ]

  /// The architecture that a configuration names.
  static func named(_ settings: Settings) throws -> any Architecture.Type {
    let name = try settings.text("model_type")
    if let found = all.first(where: { $0.modelType == name }) { return found }
    throw CheckpointError(
      .unsupported, file: settings.path,
      expected: "model_type " + all.map { $0.modelType }.joined(separator: ", "),
      found: settings.shown("model_type"),
      remedy: "only the weights of other architectures can be looked at")
  }
}
