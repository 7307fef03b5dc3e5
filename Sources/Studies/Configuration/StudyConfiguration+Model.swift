import Console
import Transformer

extension StudyConfiguration {
  static func data(_ reader: ConfigurationReader) throws -> Data {
    let modality = try reader.choice("modality", "image", ["image", "text"])
    let file = try reader.text("file", nil)
    if modality == "image" {
      let data = Data(file: file, modality: .image(patch: try reader.integer("patch", 4, 1...1024)))
      try reader.finish()
      return data
    }
    let text = Text(
      tokenizer: try reader.choice("tokenizer", .bpe),
      vocabulary: try reader.integer("vocabulary", 1024, 256...65536),
      vocabularyFile: try reader.text("vocabulary_file", ""),
      tokens: try reader.integer("tokens", 128, 1...65536), task: try reader.choice("task", .label))
    guard (text.tokenizer == .wordpiece) == !text.vocabularyFile.isEmpty else {
      throw UsageError(
        "data.vocabulary_file: WordPiece reads its vocabulary from that file, and no other tokenizer "
          + "has one")
    }
    try reader.finish()
    return Data(file: file, modality: .text(text))
  }

  static func model(_ reader: ConfigurationReader, _ data: Data) throws -> Model {
    var predictsNext = false
    if case .text(let text) = data.modality { predictsNext = text.task == .next }
    var variant = ModelConfiguration.Variant()
    let (width, heads) = (
      try reader.integer("width", 64, 1...8192), try reader.integer("heads", 4, 1...1024)
    )
    let (layers, mlp) = (
      try reader.integer("layers", 6, 1...1000), try reader.integer("mlp", 256, 1...65536)
    )
    variant.norm = try reader.choice("norm", .pre)
    variant.normKind = try reader.choice("norm_kind", .layer)
    variant.hasResidual = try reader.flag("residual", true)
    variant.positions = try reader.choice("positions", .learned)
    variant.activation = try reader.choice("activation", .gelu)
    variant.pooling = try reader.choice("pool", predictsNext ? .each : .mean)
    variant.isCausal = try reader.flag("causal", predictsNext)
    variant.isTied = try reader.flag("tied", false)
    variant.dropout = try reader.number("dropout", 0, 0...0.99)
    let groups = try reader.integer("kv_heads", heads, 1...1024)
    variant.keyValueHeads = groups == heads ? nil : groups
    let model = Model(
      width: width, heads: heads, layers: layers, mlp: mlp, variant: variant,
      refinements: try refinements(reader))
    try reader.finish()
    if predictsNext, variant.pooling != .each {
      throw UsageError("model.pool: data.task next predicts at every position; leave pool out")
    }
    if !predictsNext, variant.pooling == .each {
      throw UsageError("model.pool: each predicts tokens; set data.task: next")
    }
    return model
  }

  private static func refinements(_ reader: ConfigurationReader) throws -> [Refinement] {
    try (reader.items("refine") ?? []).map { item in
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

  static func training(_ reader: ConfigurationReader) throws -> Training {
    var optimizer = OptimizerConfiguration(
      rate: try reader.number("rate", 1e-3, 0...100),
      warmup: try reader.number("warmup", 0.1, 0...1),
      decay: try reader.number("decay", 0.01, 0...10),
      clip: try reader.number("clip", 1, 1e-12...1e12))
    optimizer.algorithm = try reader.choice("optimizer", .adamw)
    optimizer.schedule = try reader.choice("schedule", .cosine)
    optimizer.momentum = try reader.number("momentum", 0.9, 0...0.9999)
    let training = Training(
      epochs: try reader.integer("epochs", 5, 1...100_000),
      batch: try reader.integer("batch", 128, 1...1_000_000),
      accumulate: try reader.integer("accumulate", 1, 1...100_000), optimizer: optimizer,
      labelSmoothing: try reader.number("label_smoothing", 0, 0...0.99),
      validation: try reader.number("validation", 0, 0...0.9),
      patience: try reader.integer("patience", 0, 0...100_000),
      divergence: try reader.choice("divergence", .fail), bottleneck: try bottleneck(reader))
    try reader.finish()
    guard training.patience == 0 || training.validation > 0 else {
      throw UsageError(
        "training.patience: stopping early needs samples to judge by that are neither trained on nor "
          + "the test split; set training.validation, for example to 0.1")
    }
    return training
  }

  /// Both keys or neither.
  private static func bottleneck(
    _ reader: ConfigurationReader
  ) throws -> ModelConfiguration.Bottleneck? {
    let layer = try reader.integer("bottleneck_layer", -1, -1...999)
    let weight = try reader.number("bottleneck_weight", 0, 0...1e6)
    return layer < 0 ? nil : ModelConfiguration.Bottleneck(layer: layer, weight: weight)
  }
}
