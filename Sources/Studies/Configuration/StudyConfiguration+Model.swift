import Console
import Transformer

extension StudyConfiguration {
  /// Sizes and choices of the Transformer.
  public struct Model: Sendable {
    /// d_model, H, L, d_mlp.
    public var width = 64, headCount = 4, layerCount = 6, mlpWidth = 256
    /// Everything else.
    public var variant = ModelConfiguration.Variant()
    /// PDE-guided layers.
    public var refinements: [Refinement] = []

    /// Defaults for a task: predicting tokens needs each position and hides what comes later.
    static func standard(for data: Data) -> Self {
      var model = Self()
      if data.predictsNext { (model.variant.pooling, model.variant.isCausal) = (.each, true) }
      return model
    }

    /// Refuses choices that the task excludes.
    func check(_ data: Data) throws {
      if data.predictsNext, variant.pooling != .each {
        throw UsageError("model.pool: data.task next predicts at every position; leave pool out")
      }
      if !data.predictsNext, variant.pooling == .each {
        throw UsageError("model.pool: each predicts tokens; set data.task: next")
      }
    }
  }
}

extension StudyConfiguration.Model: ConfigurationSection {
  static let name = "model"
  static let words = "the Transformer"
  static let fields: [ConfigurationField<Self>] = [
    .integer("width", \.width, 1...8192, "width of the residual stream, d_model"),
    .integer("heads", \.headCount, 1...1024, "attention heads a layer; they divide the width"),
    ConfigurationField(
      "kv_heads", allowed: "whole number from 1 to 1024",
      "heads of keys and values, which groups of query heads share; as many as heads by default",
      read: {
        let count = try $0.integer("kv_heads", $1.headCount, 1...1024)
        $1.variant.keyValueHeads = count == $1.headCount ? nil : count
      }, write: { "\($0.variant.keyValueHeads ?? $0.headCount)" }),
    .integer("layers", \.layerCount, 1...1000, "layers"),
    .integer("mlp", \.mlpWidth, 1...65536, "hidden width of the MLP, d_mlp"),
    .choice("norm", \.variant.norm, "where normalisation sits"),
    .choice("norm_kind", \.variant.normKind, "which normalisation"),
    .flag("residual", \.variant.hasResidual, "whether sublayers add to the stream"),
    .choice("positions", \.variant.positions, "how positions are told apart"),
    .choice("activation", \.variant.activation, "activation of the MLP"),
    .choice("pool", \.variant.pooling, "what the head reads; each with data.task: next alone"),
    .flag("causal", \.variant.isCausal, "whether a position sees only itself and earlier ones"),
    .flag("tied", \.variant.isTied, "whether all layers share their weights"),
    .number("dropout", \.variant.dropout, 0...0.99, "share of activations dropped in training"),
    ConfigurationField(
      "refine",
      allowed: "list of {kind: "
        + Refinement.Kind.allCases.map(\.rawValue).joined(separator: "|")
        + ", after: embedding or a layer, steps: 1 to 1000}",
      "PDE-guided layers (2505.20666): kind, where, explicit steps",
      read: { if let found = try refinements($0) { $1.refinements = found } },
      write: { model in
        let items = model.refinements.map {
          "{kind: \($0.kind.rawValue), after: \($0.layer.map(String.init) ?? "embedding"), steps: \($0.steps)}"
        }
        return "[\(items.joined(separator: ", "))]"
      }),
  ]

  private static func refinements(_ reader: ConfigurationReader) throws -> [Refinement]? {
    try reader.items("refine")?.map { item in
      guard let reader = item.reader else {
        throw UsageError(
          "model.refine: expected a list of {kind, after, steps}, found \(item.text ?? "")")
      }
      let kind: Refinement.Kind = try reader.choice("kind", .diffusion)
      let after = try reader.text("after", "embedding")
      let steps = try reader.integer("steps", 4, 1...1000)
      try reader.finish()
      guard after == "embedding" || Int(after) != nil else {
        throw UsageError("model.refine: after: expected embedding or a layer, found \(after)")
      }
      return Refinement(kind, after: Int(after), steps: steps)
    }
  }
}
