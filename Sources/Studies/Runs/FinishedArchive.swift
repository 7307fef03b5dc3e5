import Archive
import Console

/// An archive that is there already, where one of the same making is asked for.
enum FinishedArchive {
  /// - Throws: when the archive was made with another configuration, or from something else, than `schema` says.
  static func check(_ reader: RunReader, _ schema: RunSchema, isStudy: Bool = true) throws {
    let remedy = "choose another name with -o, or begin anew with --force"
    guard reader.kind == schema.kind else {
      throw UsageError(
        "\(reader.path) is of kind \(reader.kind.rawValue), not \(schema.kind.rawValue); \(remedy)")
    }
    if let pair = try difference(reader, schema.provenance.configuration, isStudy: isStudy) {
      throw UsageError(
        "\(reader.path) is complete, but was made with another configuration: it has «\(pair.found)», asked "
          + "for is «\(pair.asked)»; \(remedy)")
    }
    try schema.provenance.checkSources(reader, reader.path, remedy: remedy)
  }

  /// The first line in which the configuration of an archive differs from `configuration`; nil when none does.
  static func difference(
    _ reader: RunReader, _ configuration: String, isStudy: Bool = true
  ) throws -> (found: String, asked: String)? {
    let text = try reader.readTexts(Layout.Provenance.configuration).first ?? ""
    // Written out anew, so that keys which came later have their defaults.
    let found = isStudy ? try StudyConfiguration(yaml: text, name: reader.path).yaml : text
    guard found != configuration else { return nil }
    let lines = zip(
      found.split(separator: "\n").map(String.init),
      configuration.split(separator: "\n").map(String.init))
    return lines.first { $0 != $1 } ?? ("", "")
  }
}
