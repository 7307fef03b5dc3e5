import Figures
import Foundation

/// Puts where a figure comes from into an SVG file: its title and description for readers, the rest as metadata.
enum SVGSource {
  /// `bytes`, which Cairo made, with `texts` in them.
  /// - Throws: ``FigureError`` when they are no SVG.
  static func inserted(
    _ texts: [(key: String, text: String)], into bytes: [UInt8]
  ) throws -> [UInt8] {
    var svg = String(decoding: bytes, as: UTF8.self)
    guard let start = svg.range(of: "<svg"),
      let end = svg[start.upperBound...].firstIndex(of: ">")
    else { throw FigureError(message: "cannot make the SVG: Cairo wrote none; use .png or .pdf") }
    var block = ""
    for (key, text) in texts {
      switch key {
      case "Title": block += "<title>\(Markup.escaped(text))</title>\n"
      case "Description": block += "<desc>\(Markup.escaped(text))</desc>\n"
      default: break
      }
    }
    let rest = texts.filter { $0.key != "Title" && $0.key != "Description" }
    block +=
      "<metadata>"
      + rest.map { "\(Markup.escaped($0.key)): \(Markup.escaped($0.text))" }.joined(
        separator: "\n")
      + "</metadata>\n"
    svg.insert(contentsOf: "\n" + block, at: svg.index(after: end))
    return Array(svg.utf8)
  }
}

/// Text within HTML and SVG.
enum Markup {
  /// The text with what means something to a parser replaced, and with replacement characters for those that XML 1.0 (section 2.2)
  /// does not have, even written as numbers.
  static func escaped(_ text: String) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      case "\t", "\n", "\r", "\u{20}"..."\u{7E}", "\u{A0}"..."\u{D7FF}", "\u{E000}"..."\u{FFFD}",
        "\u{10000}"..."\u{10FFFF}":
        out.unicodeScalars.append(character)
      default: out += "\u{FFFD}"
      }
    }
    return out
  }
}
