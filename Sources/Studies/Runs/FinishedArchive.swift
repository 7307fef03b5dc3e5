import Archive
import Console

/// What the text of an archive's configuration is, which decides how it is compared.
enum ConfigurationForm {
  /// A study's, whose keys have defaults.
  case study
  /// That of a fit or an estimate on captures, whose keys have defaults.
  case captures
  /// A text that is compared as it stands.
  case verbatim

  /// The configuration with every default of today.
  func complete(_ text: String, of reader: RunReader) throws -> String {
    switch self {
    case .study: try StudyConfiguration(yaml: text, name: reader.path).yaml
    case .captures:
      try CapturedConfiguration(yaml: text, title: reader.title, name: reader.path).yaml
    case .verbatim: text
    }
  }
}

/// An archive that is there already, where one of the same making is asked for.
enum FinishedArchive {
  /// - Throws: when the archive was made with another configuration, or from something else, than `schema` says.
  static func check(
    _ reader: RunReader, _ schema: RunSchema, _ form: ConfigurationForm = .study
  ) throws {
    let remedy = "choose another name with -o, or begin anew with --force"
    guard reader.kind == schema.kind else {
      throw UsageError(
        "\(reader.path) is of kind \(reader.kind.rawValue), not \(schema.kind.rawValue); \(remedy)")
    }
    if let pair = try difference(reader, schema.provenance.configuration, form) {
      throw UsageError(
        "\(reader.path) is complete, but was made with another configuration: it has «\(pair.found)», asked "
          + "for is «\(pair.asked)»; \(remedy)")
    }
    try schema.provenance.checkSources(reader, reader.path, remedy: remedy)
  }

  /// The first line in which the configuration of an archive differs from `configuration`; nil when none does.
  static func difference(
    _ reader: RunReader, _ configuration: String, _ form: ConfigurationForm = .study
  ) throws -> (found: String, asked: String)? {
    let text = try reader.readTexts(Layout.Provenance.configuration).first ?? ""
    // Written out anew, so that keys which came later have their defaults.
    let found = try form.complete(text, of: reader)
    guard found != configuration else { return nil }
    let lines = zip(
      found.split(separator: "\n").map(String.init),
      configuration.split(separator: "\n").map(String.init))
    return lines.first { $0 != $1 } ?? ("", "")
  }
}
