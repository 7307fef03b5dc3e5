import Foundation
import Testing

/// The numbers and figures of the notebooks are those of the summaries in data/results: text that states a number is made from them.
///
/// A comment `<!-- isotherm-analyze ... -->` is followed by what the command prints, up to `<!-- end -->`. Within a line,
/// `<!--=SUMMARY METRIC [min|max] AXIS=LABEL ...-->` is followed by that cell, up to `<!--/-->`. ISOTHERM_RECORD=1 writes them anew.
@Suite struct NotebookTests {
  private static let folder = Programs.root + "/notebooks-md"

  private static var notebooks: [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder)
    return (names ?? []).filter { $0.hasSuffix(".md") }.sorted().map { folder + "/" + $0 }
  }

  @Test func `numbers of the notebooks are those of the archives`() throws {
    #expect(Self.notebooks.count >= 9)
    var count = 0
    for path in Self.notebooks {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let (made, found) = try Self.filled(text)
      count += found
      if ProcessInfo.processInfo.environment["ISOTHERM_RECORD"] != nil, made != text {
        try made.write(toFile: path, atomically: true, encoding: .utf8)
      } else {
        let pairs = zip(text.split(separator: "\n"), made.split(separator: "\n"))
        let first = pairs.first { $0 != $1 }
        #expect(made == text, "\(path): «\(first?.0 ?? "")» should be «\(first?.1 ?? "")»")
      }
    }
    #expect(count > 60)
  }

  @Test func `figures of the notebooks show what the archives hold now`() throws {
    var count = 0
    for path in Self.notebooks {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      for part in text.components(separatedBy: "](").dropFirst() {
        let name = part.components(separatedBy: ")")[0]
        guard name.hasSuffix(".png"), !name.hasPrefix("01-") else { continue }
        let outcome = try Programs.run(
          "isotherm-plot", ["verify", Self.folder + "/" + name, "--json"])
        let document = try #require(
          try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any],
          "\(name): \(outcome.errors)")
        // Pixels may differ with the FreeType library; the data may not.
        #expect((document["changed_datasets"] as? [String])?.isEmpty == true, "\(name)")
        count += 1
      }
    }
    #expect(count >= 10)
  }

  /// A notebook with everything that is made put in anew, and how much that is.
  private static func filled(_ text: String) throws -> (String, Int) {
    var (out, count) = ("", 0)
    var rest = Substring(text)
    while let start = rest.range(of: "<!--") {
      let tail = rest[start.lowerBound...]
      guard let close = tail.range(of: "-->") else { break }
      let comment = String(tail[start.upperBound..<close.lowerBound])
      out += rest[..<close.upperBound]
      rest = rest[close.upperBound...]
      let isTable = comment.hasPrefix(" isotherm-analyze ")
      guard isTable || comment.hasPrefix("=") else { continue }
      let mark = isTable ? "<!-- end -->" : "<!--/-->"
      let end = try #require(rest.range(of: mark), "\(comment) has no \(mark)")
      out += isTable ? "\n" + (try printed(comment)) : try cell(String(comment.dropFirst()))
      rest = rest[end.lowerBound...]
      count += 1
    }
    return (out + rest, count)
  }

  private static func printed(_ command: String) throws -> String {
    let outcome = try Programs.run("/bin/bash", ["-euc", command])
    #expect(outcome.status == 0, "\(command): \(outcome.errors)")
    return outcome.output.trimmingCharacters(in: .newlines) + "\n"
  }

  /// «mean ± half the interval» of one cell, or of the lowest or highest of several.
  private static func cell(_ words: String) throws -> String {
    let parts = words.split(separator: " ").map(String.init)
    let isExtreme = ["min", "max"].contains(parts[2])
    let places = parts.dropFirst(isExtreme ? 3 : 2).map { place -> String in
      // In labels, an underscore stands for a space.
      let pair = place.split(separator: "=", maxSplits: 1).map(String.init)
      return "\(pair[0])=\(pair.last?.replacing("_", with: " ") ?? "")"
    }
    let outcome = try Programs.run(
      "isotherm-analyze",
      ["compare", "data/results/\(parts[0]).h5", "--metric", parts[1], "--json"]
        + places.flatMap { ["--where", $0] })
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any],
      "\(words): \(outcome.errors)")
    let rows = try #require(document["rows"] as? [[String: Any]])
    let known = rows.compactMap { row -> (value: Double, upper: Double)? in
      guard let value = row["value"] as? Double else { return nil }
      return (value, row["upper"] as? Double ?? .nan)
    }
    #expect(isExtreme ? known.count > 1 : known.count == 1, "\(words): \(known.count) cells")
    let chosen =
      parts[2] == "max" ? known.max { $0.value < $1.value } : known.min { $0.value < $1.value }
    let (value, upper) = try #require(chosen, "\(words)")
    func number(_ value: Double) -> String {
      let isTiny = value != 0 && abs(value) < 0.001
      return String(format: abs(value) >= 1000 ? "%.0f" : isTiny ? "%.1e" : "%.3f", value)
        .replacing("-", with: "−")
    }
    return upper.isNaN || upper == value
      ? number(value) : "\(number(value)) ± \(number(upper - value))"
  }
}
