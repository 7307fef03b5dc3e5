/// What a network of ours is called in `transformers`, and how its parameters are named there.
protocol ExportedForm: SendableMetatype {
  /// What the form is called.
  static var name: String { get }
  /// Choices of `model` that a network of this form has made.
  static var choices: [(key: String, value: String)] { get }
  /// Whether samples are texts.
  static var takesTokens: Bool { get }
  /// The form of a network that has made these choices.
  init(_ network: ExportedNetwork) throws
  /// Class that loads it, and `model_type`.
  var architecture: String { get }
  var modelType: String { get }
  /// Keys of `config.json` beside those two.
  var configuration: [String: ConfigurationValue] { get }
  /// How its input and output are those of the run.
  var notes: [String] { get }
  /// Every tensor.
  func tensors(_ network: ExportedNetwork) throws -> [ExportedTensor]
}

enum ExportedForms {
  /// Every form there is.
  static let all: [any ExportedForm.Type] = [
    ViTForm.self, EncoderForm.self, GPT2Form.self, LlamaForm.self,
  ]

  /// The form of a network.
  /// - Throws: ``ArchiveError`` that says why it is none.
  static func of(_ network: ExportedNetwork) throws -> any ExportedForm {
    let path = network.reader.path
    guard network.choice("refine").isEmpty, network.setting("training.bottleneck_layer") == nil
    else {
      throw ArchiveError(
        .refused,
        "\(path): has PDE-guided layers or a Gaussian channel, for which transformers has no words; export its arrays with --to safetensors"
      )
    }
    var reasons: [String] = []
    for form in all {
      let wrong = form.choices.filter { network.choice($0.key) != $0.value }
      if form.takesTokens != (network.vocabulary != nil) {
        reasons.append("\(form.name) takes \(form.takesTokens ? "tokens" : "images")")
      } else if let first = wrong.first {
        reasons.append(
          "\(form.name) has \(first.key) \(first.value), this network \(network.choice(first.key))")
      } else if form.choices.contains(where: { $0 == ("norm_kind", "layer") }),
        network.keyValueHeads != network.heads
      {
        reasons.append("\(form.name) has as many heads of keys as of queries")
      } else {
        return try form.init(network)
      }
    }
    throw ArchiveError(
      .refused,
      "\(path): transformers has no network that says the same: \(reasons.joined(separator: "; ")); a post-norm BERT also normalises its "
        + "embedding, which none of ours does; export the arrays with --to safetensors")
  }
}

extension ExportedNetwork {
  /// Tensors of one linear layer or norm: `source.weight` and, where there is one, `source.bias`.
  func tensors(_ name: String, from source: String, _ shape: [Int]) throws -> [ExportedTensor] {
    var out = [
      ExportedTensor(
        name: name + ".weight", shape: shape, values: try parameter(source + ".weight"))
    ]
    if contains(source + ".bias") {
      out.append(
        ExportedTensor(
          name: name + ".bias", shape: [shape[0]], values: try parameter(source + ".bias")))
    }
    return out
  }

  /// A matrix `[rows, columns]` turned around.
  static func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
    var out = [Float](repeating: 0, count: values.count)
    for row in 0..<rows { for c in 0..<columns { out[c * rows + row] = values[row * columns + c] } }
    return out
  }

  /// Names of classes as a configuration has them.
  func labels() throws -> [String: ConfigurationValue] {
    let known = try classNames()
    let names = known.isEmpty ? (0..<outputs).map { "LABEL_\($0)" } : known
    let byNumber = names.enumerated().map { (String($0), ConfigurationValue.text($1)) }
    let byName = names.enumerated().map { ($1, ConfigurationValue.integer($0)) }
    return [
      "id2label": .members(Dictionary(byNumber, uniquingKeysWith: { first, _ in first })),
      "label2id": .members(Dictionary(byName, uniquingKeysWith: { first, _ in first })),
    ]
  }

  /// Whether every score's bias is 0.
  func scoresWithoutBias() throws -> Bool {
    try parameter("classifier.bias").allSatisfy { $0 == 0 }
  }

  /// The scores' matrix, which is the embedding where the two are tied.
  func scores() throws -> [Float] {
    try parameter(contains("classifier.weight") ? "classifier.weight" : "token_embedding.weight")
  }
}
