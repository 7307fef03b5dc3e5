/// A decoder with learned positions, as GPT-2 (Radford et al. 2019) with exact GELU. Its linear layers are stored `[in, out]`.
struct GPT2Form: ExportedForm {
  static let name = "gpt2"
  static let takesTokens = true
  static let choices = [
    ("norm", "pre"), ("norm_kind", "layer"), ("residual", "true"), ("positions", "learned"),
    ("activation", "gelu"), ("pool", "each"), ("causal", "true"),
  ].map { (key: $0.0, value: $0.1) }

  let architecture: String
  let modelType = "gpt2"
  let configuration: [String: ConfigurationValue]
  let notes: [String]
  private let isLanguage: Bool

  init(_ network: ExportedNetwork) throws {
    isLanguage = try network.scoresWithoutBias()
    architecture = isLanguage ? "GPT2LMHeadModel" : "GPT2ForTokenClassification"
    notes = DecoderScores.notes(isLanguage, "GPT2LMHeadModel")
    var values: [String: ConfigurationValue] = [
      "n_embd": .integer(network.width), "n_layer": .integer(network.layers),
      "n_head": .integer(network.heads), "n_inner": .integer(network.hidden),
      "n_positions": .integer(network.positions), "vocab_size": .integer(network.vocabulary ?? 0),
      "activation_function": .text("gelu"), "layer_norm_epsilon": .number(1e-5),
      "embd_pdrop": .number(0), "attn_pdrop": .number(0), "resid_pdrop": .number(0),
      "classifier_dropout": .number(0),
      "tie_word_embeddings": .flag(isLanguage && !network.contains("classifier.weight")),
    ]
    if !isLanguage { for (key, value) in try network.labels() { values[key] = value } }
    configuration = values
  }

  func tensors(_ network: ExportedNetwork) throws -> [ExportedTensor] {
    let (d, hidden) = (network.width, network.hidden)
    func turned(_ name: String, _ sources: [String], _ input: Int, _ output: Int) throws
      -> [ExportedTensor]
    {
      let all = try sources.flatMap { try network.parameter($0 + ".weight") }
      return [
        ExportedTensor(
          name: name + ".weight", shape: [input, output],
          values: ExportedNetwork.transposed(all, rows: output, columns: input)),
        ExportedTensor(
          name: name + ".bias", shape: [output],
          values: try sources.flatMap { try network.parameter($0 + ".bias") }),
      ]
    }
    var out = [
      ExportedTensor(
        name: "transformer.wte.weight", shape: [network.vocabulary ?? 0, d],
        values: try network.parameter("token_embedding.weight")),
      ExportedTensor(
        name: "transformer.wpe.weight", shape: [network.positions, d],
        values: try network.parameter("position_embedding.weight")),
    ]
    for l in 0..<network.layers {
      let (theirs, ours) = ("transformer.h.\(l).", "blocks.\(l).")
      let projections = ["query", "key", "value"].map { ours + "attention." + $0 }
      out += try network.tensors(theirs + "ln_1", from: ours + "norm1", [d])
      out += try turned(theirs + "attn.c_attn", projections, d, 3 * d)
      out += try turned(theirs + "attn.c_proj", [ours + "attention.output"], d, d)
      out += try network.tensors(theirs + "ln_2", from: ours + "norm2", [d])
      out += try turned(theirs + "mlp.c_fc", [ours + "mlp.up"], d, hidden)
      out += try turned(theirs + "mlp.c_proj", [ours + "mlp.down"], hidden, d)
    }
    out += try network.tensors("transformer.ln_f", from: "final_norm", [d])
    return out + (try DecoderScores.tensors(network, isLanguage, "classifier"))
  }
}

/// A decoder with RMS norms, rotary positions and a gated MLP, as Llama (Touvron et al. 2023) with biases.
struct LlamaForm: ExportedForm {
  static let name = "llama"
  static let takesTokens = true
  static let choices = [
    ("norm", "pre"), ("norm_kind", "rms"), ("residual", "true"), ("positions", "rotary"),
    ("activation", "swiglu"), ("pool", "each"), ("causal", "true"),
  ].map { (key: $0.0, value: $0.1) }

  let architecture: String
  let modelType = "llama"
  let configuration: [String: ConfigurationValue]
  let notes: [String]
  private let isLanguage: Bool

  init(_ network: ExportedNetwork) throws {
    isLanguage = try network.scoresWithoutBias()
    architecture = isLanguage ? "LlamaForCausalLM" : "LlamaForTokenClassification"
    notes = DecoderScores.notes(isLanguage, "LlamaForCausalLM")
    var values: [String: ConfigurationValue] = [
      "hidden_size": .integer(network.width), "num_hidden_layers": .integer(network.layers),
      "num_attention_heads": .integer(network.heads),
      "num_key_value_heads": .integer(network.keyValueHeads),
      "head_dim": .integer(network.width / network.heads),
      "intermediate_size": .integer(network.hidden), "hidden_act": .text("silu"),
      "rms_norm_eps": .number(1e-5), "rope_theta": .number(10_000),
      "max_position_embeddings": .integer(network.positions),
      "vocab_size": .integer(network.vocabulary ?? 0), "attention_bias": .flag(true),
      "mlp_bias": .flag(true), "attention_dropout": .number(0),
      "tie_word_embeddings": .flag(isLanguage && !network.contains("classifier.weight")),
    ]
    if !isLanguage { for (key, value) in try network.labels() { values[key] = value } }
    configuration = values
  }

  func tensors(_ network: ExportedNetwork) throws -> [ExportedTensor] {
    let (d, hidden) = (network.width, network.hidden)
    let keys = network.keyValueHeads * (d / network.heads)
    var out = [
      ExportedTensor(
        name: "model.embed_tokens.weight", shape: [network.vocabulary ?? 0, d],
        values: try network.parameter("token_embedding.weight"))
    ]
    for l in 0..<network.layers {
      let (theirs, ours) = ("model.layers.\(l).", "blocks.\(l).")
      out += try network.tensors(theirs + "input_layernorm", from: ours + "norm1", [d])
      for (part, source, size) in [
        ("q", "query", d), ("k", "key", keys), ("v", "value", keys), ("o", "output", d),
      ] {
        out += try network.tensors(
          theirs + "self_attn.\(part)_proj", from: ours + "attention." + source, [size, d])
      }
      out += try network.tensors(theirs + "post_attention_layernorm", from: ours + "norm2", [d])
      for part in ["gate", "up"] {
        out += try network.tensors(
          theirs + "mlp.\(part)_proj", from: ours + "mlp." + part, [hidden, d])
      }
      out += try network.tensors(theirs + "mlp.down_proj", from: ours + "mlp.down", [d, hidden])
    }
    out += try network.tensors("model.norm", from: "final_norm", [d])
    return out + (try DecoderScores.tensors(network, isLanguage, "score"))
  }
}

/// Scores of the next token. Language models of `transformers` have no bias there, so that those of ours with one become classifiers of
/// every position, whose classes are tokens.
private enum DecoderScores {
  static func notes(_ isLanguage: Bool, _ language: String) -> [String] {
    isLanguage
      ? []
      : [
        "its scores have a bias, which \(language) has not: it loads as a classifier of every position, whose classes are the tokens."
      ]
  }

  static func tensors(
    _ network: ExportedNetwork, _ isLanguage: Bool, _ name: String
  ) throws -> [ExportedTensor] {
    let shape = [network.outputs, network.width]
    guard isLanguage else {
      return [
        ExportedTensor(name: name + ".weight", shape: shape, values: try network.scores()),
        ExportedTensor(
          name: name + ".bias", shape: [network.outputs],
          values: try network.parameter("classifier.bias")),
      ]
    }
    guard network.contains("classifier.weight") else { return [] }
    return [ExportedTensor(name: "lm_head.weight", shape: shape, values: try network.scores())]
  }
}
