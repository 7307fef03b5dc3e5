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

  @Test func `the README fits on a few screens, and everything it names is there`() throws {
    let document = try text("README.md")
    let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 121, "\(lines.count) lines")
    let links = document.matches(of: /\]\(([^)#]+)\)/).map { String($0.output.1) }
    #expect(links.count > 20)
    for link in links where !link.hasPrefix("http") {
      #expect(FileManager.default.fileExists(atPath: Programs.root + "/" + link), "\(link)")
    }
    // Every program and every one of its commands has a line in the table.
    for (program, commands) in [
      "isotherm-analyze": ["attention", "flow", "bottleneck", "gradients", "perturbation"],
      "isotherm-plot": ["verify", "report", "animate"],
      "isotherm-archive": ["ls", "check", "diff", "recover", "seal", "merge", "export", "catalog"],
      "isotherm": ["train", "fit", "inform", "perturb", "integrate", "study", "import", "capture"],
    ] {
      for command in commands {
        #expect(
          document.contains("`\(program) \(command)`") || document.contains("`\(command)`"),
          "\(program) \(command)")
      }
    }
    let figures = try Programs.run("isotherm-plot", ["list", "--json"])
    let parsed = try JSONSerialization.jsonObject(with: Data(figures.output.utf8))
    let count = (parsed as? [String: [Any]])?["figures"]?.count ?? 0
    #expect(document.contains("\(count) figures"), "\(count)")
  }

  /// The commands of the README's session are run by ``PipelineTests``; here, that each page is linked from it.
  @Test func `every notebook is linked from the README`() throws {
    let document = try text("README.md")
    let pages = try FileManager.default.contentsOfDirectory(
      atPath: Programs.root + "/notebooks-md"
    ).filter { $0.hasSuffix(".md") }
    for page in pages { #expect(document.contains("notebooks-md/" + page), "\(page)") }
  }
}
