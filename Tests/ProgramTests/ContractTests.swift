import Archive
import Foundation
import Testing

@Suite struct ContractTests {
  /// Targets each target depends on, by name, from the package description.
  private func dependencies() throws -> [String: [String]] {
    let scratch = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let outcome = try Programs.run(
      "/usr/bin/env", ["swift", "package", "--scratch-path", scratch, "dump-package"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let package = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    var result: [String: [String]] = [:]
    for target in try #require(package["targets"] as? [[String: Any]]) {
      let name = try #require(target["name"] as? String)
      let items = target["dependencies"] as? [[String: Any]] ?? []
      result[name] = items.compactMap { ($0["byName"] as? [Any])?.first as? String }
    }
    return result
  }

  private func closure(_ name: String, _ graph: [String: [String]]) -> Set<String> {
    var found: Set<String> = []
    var rest = graph[name] ?? []
    while let next = rest.popLast() {
      if found.insert(next).inserted { rest += graph[next] ?? [] }
    }
    return found
  }

  @Test func `a reader links neither the network nor the PDE`() throws {
    let graph = try dependencies()
    for reader in ["isotherm-archive", "isotherm-analyze", "isotherm-plot", "Analyses"] {
      let linked = closure(reader, graph)
      #expect(linked.contains("Archive"), "\(reader)")
      for producer in ["Transformer", "Dynamics", "Studies", "Corpora"] {
        #expect(!linked.contains(producer), "\(reader) links \(producer)")
      }
    }
    #expect(!closure("isotherm", graph).contains("Figures"))
    for science in ["Transformer", "Dynamics", "Information", "Metrics"] {
      let linked = closure(science, graph)
      for storage in ["HDF5", "Archive", "Figures", "Console"] {
        #expect(!linked.contains(storage), "\(science) sees \(storage)")
      }
    }
  }

  /// Names of the subcommands that a help text lists.
  private func subcommands(_ help: String) -> [String] {
    let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
    guard let start = lines.firstIndex(of: "SUBCOMMANDS:") else { return [] }
    return lines[(start + 1)...].prefix { !$0.isEmpty }.compactMap { line in
      line.hasPrefix("   ") ? nil : line.split(separator: " ").first.map(String.init)
    }
  }

  private func recorded(_ file: String, _ output: String) throws -> String {
    if ProcessInfo.processInfo.environment["ISOTHERM_RECORD"] != nil {
      try output.write(toFile: file, atomically: true, encoding: .utf8)
    }
    return try String(contentsOfFile: file, encoding: .utf8)
  }

  @Test(arguments: ["isotherm", "isotherm-archive", "isotherm-analyze", "isotherm-plot"])
  func `help texts are as recorded, of every command`(program: String) throws {
    let folder = Programs.root + "/Tests/ProgramTests/help"
    func check(_ commands: [String]) throws {
      let outcome = try Programs.run(program, commands + ["--help"])
      #expect(outcome.status == 0)
      let file = "\(folder)/\(([program] + commands).joined(separator: "-")).txt"
      #expect(
        try recorded(file, outcome.output) == outcome.output,
        "\(file): record anew with ISOTHERM_RECORD=1 tools/test")
      for command in subcommands(outcome.output) { try check(commands + [command]) }
    }
    try check([])
    let known = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(known.count { $0 == program + ".txt" || $0.hasPrefix(program + "-") } > 5)
  }

  @Test func `the page of keys is what the program lists`() throws {
    let outcome = try Programs.run("isotherm", ["keys", "--markdown"])
    #expect(outcome.status == 0)
    #expect(
      try recorded(Programs.root + "/KEYS.md", outcome.output) == outcome.output,
      "KEYS.md: record anew with ISOTHERM_RECORD=1 tools/test")
  }

  @Test func `the plan lists arrays and bytes and writes nothing`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try Programs.run(
      "isotherm", ["train", Programs.study, "-o", folder + "/r", "--dry-run", "--json"])
    #expect(outcome.status == 0)
    let plan = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let arrays = try #require(plan["arrays"] as? [[String: Any]])
    #expect((plan["memory"] as? Int ?? 0) > 10 << 20 && (plan["seconds"] as? Double ?? 0) > 0)
    #expect(plan["steps"] as? Int == 785)
    let stream = try #require(
      arrays.first { $0["path"] as? String == "/activations/residual.0.post/values" })
    #expect(stream["shape"] as? [Int] == [6, 256, 49, 64])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
  }

  @Test func `an interrupted run is resumed to the bits of one that never stopped`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let arguments =
      ["train", Programs.study] + Programs.small
      + ["--set", "training.epochs=12", "--set", "training.batch=100"]
    let whole = try Programs.run("isotherm", arguments + ["-o", folder + "/whole"])
    try #require(whole.status == 0, "\(whole.errors)")
    for (number, status) in [(SIGINT, 130), (SIGTERM, 143)] {
      let out = "\(folder)/stopped-\(number)"
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
      process.arguments = arguments + ["-o", out]
      process.currentDirectoryURL = URL(fileURLWithPath: Programs.root)
      let errors = Pipe()
      (process.standardError, process.standardOutput) = (errors, Pipe())
      var environment = ProcessInfo.processInfo.environment
      environment["OPENBLAS_CORETYPE"] = nil
      process.environment = environment
      try process.run()
      // The first commit makes the index; from then on there is something to resume.
      while !FileManager.default.fileExists(atPath: out + ".run/index.h5"), process.isRunning {
        usleep(2000)
      }
      kill(process.processIdentifier, number)
      let text = String(
        decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      try #require(process.terminationStatus == Int32(status), "\(text)")
      #expect(text.contains("--resume"))
      #expect(!FileManager.default.fileExists(atPath: out + ".h5"))
      let resumed = try Programs.run("isotherm", arguments + ["-o", out, "--resume"])
      try #require(resumed.status == 0, "\(resumed.errors)")
      #expect(try RunReader(out).logicalHash() == RunReader(folder + "/whole").logicalHash())
    }
  }

  @Test func `progress as JSON tells commits and the seal`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try Programs.run(
      "isotherm",
      ["train", Programs.study, "-o", folder + "/r", "--progress", "json"] + Programs.small)
    #expect(outcome.status == 0)
    let events = try outcome.errorLines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let commits = events.filter { $0["event"] as? String == "commit" }
    #expect(commits.count >= 2)
    let rows = try #require(commits.last?["rows"] as? [String: Int])
    #expect(rows["/progress/loss"] == 20)
    #expect(rows["/activations/residual.0.post/values"] == 2)
    #expect(events.last?["event"] as? String == "sealed")
    let listing = try Programs.run("isotherm-archive", ["ls", folder + "/r", "--json"])
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [String: Any])
    let datasets = try #require(document["datasets"] as? [[String: Any]])
    #expect(
      datasets.allSatisfy {
        $0["path"] as? String != "/progress/loss" || $0["units"] as? String == "nat"
      })
    #expect(datasets.contains { $0["sha256"] is String })
  }

  @Test func `the page of figures shows each of the catalogue`() throws {
    let listed = try Programs.run("isotherm-plot", ["list", "--json"])
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [String: Any])
    let figures = try #require(document["figures"] as? [[String: String]])
    let page = try String(
      contentsOfFile: Programs.root + "/FIGURES.md", encoding: .utf8)
    #expect(figures.count >= 18)
    for figure in figures {
      let name = try #require(figure["name"])
      #expect(page.contains("`\(name)`"), "\(name)")
      #expect(page.contains(figure["summary"] ?? "?"), "\(name)")
    }
    for part in page.components(separatedBy: "](").dropFirst() {
      let path = Programs.root + "/" + (part.split(separator: ")").first ?? "")
      #expect(FileManager.default.fileExists(atPath: path), "\(path)")
    }
  }
}
