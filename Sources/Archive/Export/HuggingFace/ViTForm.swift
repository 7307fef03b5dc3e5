/// A vision Transformer that classifies by its class token (Dosovitskiy et al. 2021).
struct ViTForm: ExportedForm {
  static let name = "vit"
  static let takesTokens = false
  static let choices = [
    ("norm", "pre"), ("norm_kind", "layer"), ("residual", "true"), ("positions", "learned"),
    ("activation", "gelu"), ("pool", "class"), ("causal", "false"),
  ].map { (key: $0.0, value: $0.1) }

  let architecture = "ViTForImageClassification"
  let modelType = "vit"
  let configuration: [String: ConfigurationValue]
  let notes = [
    "pixel_values are [sample, 1, y, x], scaled as the run scales them: (pixel / 255 - mean) / deviation of the data set."
  ]
  private let patch: Int

  init(_ network: ExportedNetwork) throws {
    guard network.reader.contains(Layout.Samples.image),
      let patch = network.setting("data.patch").flatMap(Int.init)
    else {
      throw ArchiveError(
        .layout, "\(network.reader.path): does not say how large its images and patches are")
    }
    let image = try network.reader.describe(Layout.Samples.image).shape
    self.patch = patch
    let size: ConfigurationValue =
      image[1] == image[2] ? .integer(image[1]) : .list([.integer(image[1]), .integer(image[2])])
    var values: [String: ConfigurationValue] = [
      "hidden_size": .integer(network.width), "num_hidden_layers": .integer(network.layers),
      "num_attention_heads": .integer(network.heads), "intermediate_size": .integer(network.hidden),
      "hidden_act": .text("gelu"), "layer_norm_eps": .number(1e-5), "image_size": size,
      "patch_size": .integer(patch), "num_channels": .integer(1), "qkv_bias": .flag(true),
      "hidden_dropout_prob": .number(0), "attention_probs_dropout_prob": .number(0),
    ]
    for (key, value) in try network.labels() { values[key] = value }
    configuration = values
  }

  func tensors(_ network: ExportedNetwork) throws -> [ExportedTensor] {
    let (d, n) = (network.width, network.positions)
    var out = [
      ExportedTensor(
        name: "vit.embeddings.cls_token", shape: [1, 1, d],
        values: try network.parameter("class_token")),
      ExportedTensor(
        name: "vit.embeddings.position_embeddings", shape: [1, n, d],
        values: try network.parameter("position_embedding.weight")),
    ]
    out += try network.tensors(
      "vit.embeddings.patch_embeddings.projection", from: "embed", [d, 1, patch, patch])
    for l in 0..<network.layers {
      let (theirs, ours) = ("vit.encoder.layer.\(l).", "blocks.\(l).")
      out += try network.tensors(theirs + "layernorm_before", from: ours + "norm1", [d])
      for part in ["query", "key", "value"] {
        out += try network.tensors(
          theirs + "attention.attention." + part, from: ours + "attention." + part, [d, d])
      }
      out += try network.tensors(
        theirs + "attention.output.dense", from: ours + "attention.output", [d, d])
      out += try network.tensors(theirs + "layernorm_after", from: ours + "norm2", [d])
      out += try network.tensors(
        theirs + "intermediate.dense", from: ours + "mlp.up", [network.hidden, d])
      out += try network.tensors(
        theirs + "output.dense", from: ours + "mlp.down", [d, network.hidden])
    }
    out += try network.tensors("vit.layernorm", from: "final_norm", [d])
    return out + (try network.tensors("classifier", from: "classifier", [network.outputs, d]))
  }
}
