import Arrays

/// A training run's network as its archive tells it: choices of the study, and parameters by name.
struct ExportedNetwork {
  let reader: RunReader
  private let row: Int
  private let settings: [String: String]
  private let names: Set<String>
  let width: Int, heads: Int, keyValueHeads: Int, layers: Int, hidden: Int
  /// Tokens of the vocabulary; nil for images.
  let vocabulary: Int?
  /// Positions, that of a class token among them.
  let positions: Int
  /// Classes or tokens that are scored.
  let outputs: Int

  init(_ reader: RunReader, _ row: Int) throws {
    (self.reader, self.row) = (reader, row)
    let settings = try reader.configurationKeys()
    self.settings = settings
    func number(_ key: String) throws -> Int {
      guard let value = settings["model." + key].flatMap(Int.init), value > 0 else {
        throw ArchiveError(
          .layout,
          "\(reader.path): the configuration does not say model.\(key); train the run again")
      }
      return value
    }
    width = try number("width")
    heads = try number("heads")
    keyValueHeads = try number("kv_heads")
    layers = try number("layers")
    hidden = try number("mlp")
    let names = Set(try reader.names(in: Layout.Checkpoints.parameters))
    self.names = names
    func length(_ name: String) throws -> Int? {
      let path = Layout.Checkpoints.parameter(name)
      return names.contains(name) ? try reader.describe(path).shape[1] : nil
    }
    vocabulary = try length("token_embedding.weight")
    outputs = try length("classifier.bias") ?? 1
    let own =
      try reader.contains(Layout.Samples.token)
      ? reader.describe(Layout.Samples.token).shape[1] : nil
    positions = try length("position_embedding.weight") ?? own ?? 1
  }

  /// A choice of the study, `norm` for `model.norm`.
  func choice(_ key: String) -> String { settings["model." + key] ?? "" }

  /// A setting by its whole key.
  func setting(_ key: String) -> String? { settings[key] }

  /// Whether there is a parameter of this name.
  func contains(_ name: String) -> Bool { names.contains(name) }

  /// The values of a parameter.
  func parameter(_ name: String) throws -> [Float] {
    try reader.readRow(Layout.Checkpoints.parameter(name), row, as: Float.self).elements
  }

  /// Names of classes, where the archive has as many as are scored.
  func classNames() throws -> [String] {
    guard reader.contains(Layout.Classes.name) else { return [] }
    let names = try reader.readTexts(Layout.Classes.name)
    return names.count == outputs ? names : []
  }
}

/// One tensor of an exported network.
struct ExportedTensor {
  let name: String
  let shape: [Int]
  let values: [Float]
}
