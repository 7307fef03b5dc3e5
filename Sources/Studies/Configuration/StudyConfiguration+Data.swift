import Console

extension StudyConfiguration {
  /// Which data, and how samples become positions.
  public struct Data: Sendable {
    /// Path of the data set; relative ones are looked for beside the working folder, then beside the package.
    public var file: String
    /// What the samples are.
    public var modality: Modality

    /// What the samples are.
    public enum Modality: Sendable {
      /// Images in patches of that many pixels along a side.
      case image(patch: Int)
      /// Passages as tokens.
      case text(Text)
    }

    /// Whether the next token is predicted.
    var predictsNext: Bool {
      if case .text(let text) = modality { text.task == .next } else { false }
    }
  }

  /// How passages become tokens, and what is asked of them.
  public struct Text: Sendable {
    /// The tokenizers.
    public enum Tokenizer: String, Sendable, CaseIterable { case bpe, bytes, wordpiece }
    /// What is predicted.
    public enum Task: String, Sendable, CaseIterable {
      /// The class of a passage.
      case label
      /// The next token, over the passages of a split one after the other.
      case next
    }
    /// How text becomes tokens.
    public var tokenizer = Tokenizer.bpe
    /// Tokens of a byte-pair tokenizer that is learned from the training split.
    public var vocabulary = 1024
    /// Pieces of WordPiece, one a line.
    public var vocabularyFile = ""
    /// Positions a sample has; longer passages are cut.
    public var tokens = 128
    /// What is predicted.
    public var task = Task.label
  }

  /// How images become positions.
  struct Image {
    var patch = 4
  }
}

extension StudyConfiguration.Text: ConfigurationSection {
  static let name = "data"
  static let words = "passages and their tokens"
  static let fields: [ConfigurationField<Self>] = [
    .choice("tokenizer", \.tokenizer, "how text becomes tokens"),
    .integer(
      "vocabulary", \.vocabulary, 256...65536,
      "tokens of a byte-pair tokenizer learned from the training split"),
    ConfigurationField(
      "vocabulary_file", allowed: "path", "pieces of WordPiece, one a line; wordpiece alone has it",
      read: { $1.vocabularyFile = try $0.text("vocabulary_file", $1.vocabularyFile) },
      write: { $0.vocabularyFile.isEmpty ? nil : YAMLText.quoted($0.vocabularyFile) }),
    .integer("tokens", \.tokens, 1...65536, "positions a sample has; longer passages are cut"),
    .choice("task", \.task, "what is predicted: the class of a passage, or each next token"),
  ]

  func check() throws {
    guard (tokenizer == .wordpiece) == !vocabularyFile.isEmpty else {
      throw UsageError(
        "data.vocabulary_file: WordPiece reads its vocabulary from that file, and no other tokenizer "
          + "has one")
    }
  }
}

extension StudyConfiguration.Image: ConfigurationSection {
  static let name = "data"
  static let words = "images and their patches"
  static let fields: [ConfigurationField<Self>] = [
    .integer("patch", \.patch, 1...1024, "pixels along a side of a patch, which is a position")
  ]
}

extension StudyConfiguration.Data {
  static let name = "data"

  /// The section of a file; its modality decides which keys it has.
  init(_ reader: ConfigurationReader) throws {
    let kind = try reader.choice("modality", "image", ["image", "text"])
    file = try reader.text("file", nil)
    modality =
      kind == "image"
      ? .image(patch: try StudyConfiguration.Image(reader).patch)
      : .text(try StudyConfiguration.Text(reader))
  }

  /// The section on one line.
  var yaml: String {
    let (kind, pairs) =
      switch modality {
      case .image(let patch): ("image", StudyConfiguration.Image(patch: patch).pairs)
      case .text(let text): ("text", text.pairs)
      }
    return "data: {modality: \(kind), file: \(YAMLText.quoted(file)), \(pairs)}"
  }

  static let keys: [ConfigurationKey] =
    [
      ConfigurationKey(
        name: "data.modality", allowed: "image, text", standard: "image",
        words: "what the samples are"),
      ConfigurationKey(
        name: "data.file", allowed: "path", standard: "",
        words: "the data set; looked for in the working folder, then in the package"),
    ] + StudyConfiguration.Image.keys + StudyConfiguration.Text.keys
}
