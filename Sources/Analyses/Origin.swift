import Archive

/// What metrics rest on besides their archives' configuration: the data, and the programs that made the archives.
package struct Origin {
  /// Hash of the data set, and of the vocabulary where there is one; nil when no run names any.
  let data: String?
  /// Version and commit by kind of archive.
  let programs: [(kind: String, program: String)]

  package init(_ readers: [RunReader]) throws {
    data = try readers.first { $0.kind == .run }.flatMap { try Self.data($0) }
    programs = try readers.map { reader in
      let words = try ["version", "commit", "dirty"].compactMap { name -> String? in
        let path = Layout.Provenance.member(name)
        return reader.contains(path) ? try reader.readTexts(path).first : nil
      }
      return (reader.kind.rawValue, words.filter { !$0.isEmpty }.joined(separator: " "))
    }
  }

  /// What a run was trained on.
  static func data(_ run: RunReader) throws -> String? {
    let hashes = try run.sources().map(\.sha256)
    return hashes.isEmpty ? nil : hashes.joined(separator: "+")
  }

  /// Lines of the configuration of a metrics file.
  package var yaml: String {
    // One key a kind, whatever made the archives: a key that stands there twice is no YAML.
    let kinds = Dictionary(grouping: programs, by: \.kind).map { kind, members in
      "  \(kind): \"\(Set(members.map(\.program)).sorted().joined(separator: "; "))\"\n"
    }
    let lines = [data.map { "  data: \"\($0)\"\n" } ?? ""] + kinds
    return "origin:\n" + lines.filter { !$0.isEmpty }.sorted().joined()
  }
}
