/// A text encoder that classifies by its class token, as the pre-norm BERT of Megatron (Shoeybi et al. 2019).
///
/// The class token becomes one more token of the vocabulary, which every sample starts with; every position is classified without a
/// pooler, and the scores of the first are ours.
struct EncoderForm: ExportedForm {
  static let name = "megatron-bert"
  static let takesTokens = true
  static let choices = ViTForm.choices

  let architecture = "MegatronBertForTokenClassification"
  let modelType = "megatron-bert"
  let configuration: [String: ConfigurationValue]
  let notes: [String]
  private let vocabulary: Int

  init(_ network: ExportedNetwork) throws {
    vocabulary = network.vocabulary ?? 0
    var values: [String: ConfigurationValue] = [
      "hidden_size": .integer(network.width), "num_hidden_layers": .integer(network.layers),
      "num_attention_heads": .integer(network.heads), "intermediate_size": .integer(network.hidden),
      "hidden_act": .text("gelu"), "layer_norm_eps": .number(1e-5),
      "vocab_size": .integer(vocabulary + 1), "type_vocab_size": .integer(1),
      "max_position_embeddings": .integer(network.positions), "hidden_dropout_prob": .number(0),
      "attention_probs_dropout_prob": .number(0), "cls_token_id": .integer(vocabulary),
    ]
    for (key, value) in try network.labels() { values[key] = value }
    configuration = values
    notes = [
      "input_ids begin with \(vocabulary), the class token; scores are the logits at position 0; attention_mask is 0 at padding."
    ]
  }

  func tensors(_ network: ExportedNetwork) throws -> [ExportedTensor] {
    let (d, base) = (network.width, "bert.embeddings.")
    let words = try network.parameter("token_embedding.weight") + network.parameter("class_token")
    var out = [
      ExportedTensor(
        name: base + "word_embeddings.weight", shape: [vocabulary + 1, d], values: words),
      ExportedTensor(
        name: base + "position_embeddings.weight", shape: [network.positions, d],
        values: try network.parameter("position_embedding.weight")),
      ExportedTensor(
        name: base + "token_type_embeddings.weight", shape: [1, d],
        values: [Float](repeating: 0, count: d)),
    ]
    for l in 0..<network.layers {
      let (theirs, ours) = ("bert.encoder.layer.\(l).", "blocks.\(l).")
      out += try network.tensors(theirs + "attention.ln", from: ours + "norm1", [d])
      for part in ["query", "key", "value"] {
        out += try network.tensors(
          theirs + "attention.self." + part, from: ours + "attention." + part, [d, d])
      }
      out += try network.tensors(
        theirs + "attention.output.dense", from: ours + "attention.output", [d, d])
      out += try network.tensors(theirs + "ln", from: ours + "norm2", [d])
      out += try network.tensors(
        theirs + "intermediate.dense", from: ours + "mlp.up", [network.hidden, d])
      out += try network.tensors(
        theirs + "output.dense", from: ours + "mlp.down", [d, network.hidden])
    }
    out += try network.tensors("bert.encoder.ln", from: "final_norm", [d])
    return out + (try network.tensors("classifier", from: "classifier", [network.outputs, d]))
  }
}
