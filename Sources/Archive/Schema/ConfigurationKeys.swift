import Yams

extension RunReader {
  /// The archive's configuration, value by key (`training.rate`); what is no YAML is empty.
  public func configurationKeys() throws -> [String: String] {
    guard contains(Layout.Provenance.configuration) else { return [:] }
    let yaml = try readTexts(Layout.Provenance.configuration).first ?? ""
    var values: [String: String] = [:]
    if let node = try? Yams.compose(yaml: yaml) { node.flatten("", into: &values) }
    return values
  }
}

extension Node {
  fileprivate func flatten(_ path: String, into values: inout [String: String]) {
    if let mapping {
      for (key, value) in mapping {
        value.flatten(
          (path.isEmpty ? "" : path + ".") + (key.scalar?.string ?? "?"), into: &values)
      }
    } else if !path.isEmpty {
      values[path] = words
    }
  }

  /// A value in a few words: lists and mappings by their values.
  private var words: String {
    if let scalar { return scalar.string }
    if let sequence { return sequence.map(\.words).joined(separator: " ") }
    return (mapping ?? [:]).map(\.value.words).joined(separator: " ")
  }
}
