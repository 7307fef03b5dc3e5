import Archive

/// Writes one part of an explanation: lines of text, and the constants they name.
///
/// A constant is put once, and the words that show it come back: text and attribute cannot say two things.
final class ExplanationWriter {
  private var lines: [String] = []
  private var facts: [String: AttributeValue] = [:]

  /// Adds a line, or a paragraph.
  func say(_ line: String) { lines.append(line) }

  /// Keeps a number as an attribute; returns it in words.
  @discardableResult
  func put(_ name: String, _ value: Double) -> String {
    // JSON, in which a folder keeps its schema, has no infinity.
    guard value.isFinite else { return put(name, "\(value)") }
    facts[name] = .number(value)
    return value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }

  /// Keeps a whole number.
  @discardableResult
  func put(_ name: String, _ value: Int) -> String {
    facts[name] = .integer(Int64(value))
    return "\(value)"
  }

  /// Keeps numbers as one text, blanks between them, and returns it; of more than an attribute should hold, says where they are.
  @discardableResult
  func put(_ name: String, _ values: [Double]) -> String {
    guard values.count <= 256 else {
      return "the \(values.count) numbers of the configuration in \(Layout.Provenance.group)"
    }
    return put(name, values.map { "\($0)" }.joined(separator: " "))
  }

  /// Keeps a choice as 1 or 0.
  @discardableResult
  func put(_ name: String, _ value: Bool) -> String {
    facts[name] = .integer(value ? 1 : 0)
    return value ? "yes" : "no"
  }

  /// Keeps a text.
  @discardableResult
  func put(_ name: String, _ value: String) -> String {
    facts[name] = .text(value)
    return value
  }

  /// The part.
  func part(_ name: String, _ longName: String) -> Explanation.Part {
    Explanation.Part(name, longName: longName, text: lines.joined(separator: "\n"), facts: facts)
  }
}
