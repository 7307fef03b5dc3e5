import HDF5

/// What an archive says of the computation behind its numbers, so that a reader needs neither our programs nor their source.
///
/// Each part is one text of `/explanation`, whose attributes hold the same constants for programs. Whoever makes an archive makes
/// both from the values it computes with. Readers treat the group as optional: older archives have none.
public struct Explanation: Sendable, Codable {
  /// One subject.
  public struct Part: Sendable, Codable {
    /// Name of the dataset.
    public var name: String
    /// What the text is about, in a few words.
    public var longName: String
    /// The text.
    public var text: String
    /// The constants the text names, by the name of the attribute that holds each.
    public var facts: [String: AttributeValue]

    /// A part.
    public init(_ name: String, longName: String, text: String, facts: [String: AttributeValue]) {
      (self.name, self.longName, self.text, self.facts) = (name, longName, text, facts)
    }
  }

  /// The parts, in the order in which they are to be read.
  public var parts: [Part]

  /// An explanation in these parts.
  public init(_ parts: [Part]) { self.parts = parts }
}

extension String {
  /// Whether it is the path of something said about the archive, as against its values.
  public var isAboutArchive: Bool {
    Layout.Provenance.contains(self) || Layout.Explanation.contains(self)
  }
}

extension TreeWriter {
  /// Writes each part as a text with its constants as attributes.
  func writeExplanation(_ root: Group) throws {
    guard let explanation = schema.explanation, !explanation.parts.isEmpty else { return }
    let group = try root.makeGroup(Layout.Explanation.group)
    try group.setAttribute("parts", .texts(explanation.parts.map(\.name)))
    for part in explanation.parts {
      let dataset = try group.createDataset(part.name, .utf8, shape: [])
      try dataset.writeStrings([part.text])
      try dataset.setAttribute("long_name", .text(part.longName))
      let hash = LogicalHash()
      hash.update([part.text])
      try dataset.setAttribute("logical_sha256", .text(hash.value(.utf8, shape: [])))
      for (name, value) in part.facts.sorted(by: { $0.key < $1.key }) {
        try dataset.setAttribute(name, value)
      }
    }
  }
}
