import Foundation
import Testing

/// What the map of the code names is there.
@Suite struct DocumentTests {
  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: Programs.root + "/" + name, encoding: .utf8)
  }

  @Test(arguments: ["ARCHITECTURE.md", "CONTRIBUTING.md"])
  func `every path in the map exists`(name: String) throws {
    let document = try text(name)
    let paths = document.matches(of: /(?:Sources|Tests|tools|data)\/[A-Za-z0-9+\/._-]*[A-Za-z0-9]/)
      .map { String($0.output) }
    #expect(paths.count > 15)
    for path in Set(paths) {
      #expect(FileManager.default.fileExists(atPath: Programs.root + "/" + path), "\(path)")
    }
    for link in document.matches(of: /\]\(([^)]+)\)/) {
      #expect(FileManager.default.fileExists(atPath: Programs.root + "/" + link.output.1))
    }
  }

  /// A name in backquotes right after a file is something the file declares or does.
  @Test func `what a file is said to hold stands in it`() throws {
    let pairs = try text("ARCHITECTURE.md").matches(of: /`(Sources\/[^`]*\.swift)`, `(\w+)`/)
    #expect(pairs.count >= 4)
    for pair in pairs {
      #expect(try text(String(pair.output.1)).contains(pair.output.2), "\(pair.output.0)")
    }
  }

  @Test func `the map names every target`() throws {
    let document = try text("ARCHITECTURE.md")
    for target in try FileManager.default.contentsOfDirectory(atPath: Programs.root + "/Sources")
    where !["isotherm-bench", "CAllocationCount"].contains(target) {
      #expect(document.contains("`\(target)`"), "\(target)")
    }
  }
}
