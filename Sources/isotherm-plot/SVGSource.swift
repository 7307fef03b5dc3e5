import Figures
import Foundation

/// Puts where a figure comes from into an SVG file: its title and description for readers, the rest as metadata.
enum SVGSource {
  static func insert(_ texts: [(key: String, text: String)], into path: String) throws {
    do {
      var svg = try String(contentsOfFile: path, encoding: .utf8)
      guard let start = svg.range(of: "<svg"),
        let end = svg[start.upperBound...].firstIndex(of: ">")
      else { throw FigureError(message: "\(path): Cairo wrote no SVG") }
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
      try svg.write(toFile: path, atomically: true, encoding: .utf8)
    } catch let error as CocoaError {
      throw FigureError(message: "cannot write the SVG: \(error.localizedDescription)")
    }
  }
}

/// Text within HTML and SVG.
enum Markup {
  /// The text with what means something to a parser replaced.
  static func escaped(_ text: String) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      default: out.unicodeScalars.append(character)
      }
    }
    return out
  }
}
