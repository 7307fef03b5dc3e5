import Foundation

/// Texts as YAML scalars.
enum YAMLText {
  /// The text in double quotes.
  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\", "\"": out += "\\\(scalar)"
      // A line break within quotes would be folded into a space, and other control characters are not YAML.
      case _
      where scalar.properties.generalCategory == .control
        || "\u{2028}\u{2029}\u{FEFF}".unicodeScalars.contains(scalar):
        out += "\\u" + String(format: "%04X", scalar.value)
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
