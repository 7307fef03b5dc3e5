import Console
import Foundation
import Studies
import TestSupport
import Testing

/// No text traps a reader: whatever a file holds, it is read or refused by one line. 10,000 texts of each kind with ISOTHERM_LONG=1.
@Suite struct ConfigurationFuzzTests {
  private static let count =
    ProcessInfo.processInfo.environment["ISOTHERM_LONG"] == nil ? 1000 : 10_000
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  private func files(_ folder: String) throws -> [String] {
    let path = Self.root + "/data/" + folder
    return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
      .filter { $0.hasSuffix(".yaml") }
      .map { try String(contentsOfFile: path + "/" + $0, encoding: .utf8) }
  }

  /// Reads `count` mutations of the texts; returns how many were accepted.
  private func fuzz(
    _ texts: [String], seed: UInt64, read: (_ path: String) throws -> Void
  ) throws -> Int {
    let path = NSTemporaryDirectory() + "isotherm-fuzz-" + UUID().uuidString + ".yaml"
    defer { unlink(path) }
    var mutator = Mutator(seed: seed)
    var accepted = 0
    for number in 0..<Self.count {
      let bytes = mutator.mutated(mutator.pick(texts))
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let began = Date()
      do {
        try read(path)
        accepted += 1
      } catch {
        let line = Console.message(for: error)
        #expect(error is UsageError, "\(number): \(type(of: error)): \(line)")
        #expect(
          !line.isEmpty && !line.unicodeScalars.contains { $0.value < 32 }, "\(number): \(line)")
      }
      #expect(Date().timeIntervalSince(began) < 10, "\(number)")
    }
    return accepted
  }

  @Test func `mutated study files`() throws {
    let accepted = try fuzz(files("studies"), seed: 1) { path in
      let study = try StudyConfiguration(path: path)
      let again = try StudyConfiguration(yaml: study.yaml, name: "again")
      #expect(again.yaml == study.yaml)
    }
    #expect((1..<Self.count).contains(accepted))
  }

  @Test func `mutated problem files`() throws {
    let accepted = try fuzz(files("problems"), seed: 2) { _ = try ProblemConfiguration(path: $0) }
    #expect((1..<Self.count).contains(accepted))
  }

  @Test func `mutated plans`() throws {
    let accepted = try fuzz(files("plans"), seed: 3) { path in
      let plan = try StudyPlan(path: path)
      for size in plan.sizes.prefix(1) {
        _ = try plan.jobs(Array(plan.studies.prefix(1)), size, folder: "x")
      }
    }
    #expect((1..<Self.count).contains(accepted))
  }

  @Test func `mutated settings`() throws {
    var mutator = Mutator(seed: 4)
    let keys = [
      "model.width", "training.rate", "capture.taps", "pde.models", "data.file", "seed", "title",
      "model.refine",
      "information.estimators", "perturb.noise", "", ".", "a..b", "model",
      "training.bottleneck_layer",
    ]
    var refused = 0
    for number in 0..<Self.count {
      let setting =
        mutator.pick(keys) + mutator.pick(["=", "", "=="]) + mutator.pick(Mutator.nasty)
      do {
        _ = try StudyConfiguration(yaml: "data: {file: x.h5}\n", name: "study", settings: [setting])
      } catch {
        refused += 1
        #expect(error is UsageError, "\(number) \(setting): \(error)")
      }
    }
    #expect((1..<Self.count).contains(refused))
  }

  @Test func `what is stood on its head is told by its place`() throws {
    let nested = String(repeating: "{a: ", count: 3000) + String(repeating: "}", count: 3000)
    let bombs =
      "a: &a [x]\n"
      + (0..<30).map {
        "b\($0): &b\($0) [*\($0 == 0 ? "a" : "b\($0 - 1)"), *\($0 == 0 ? "a" : "b\($0 - 1)")]"
      }.joined(separator: "\n")
    for yaml in [
      nested, bombs, "{? [a] : b}", "data: {file: {x: y}}", "- a", "a", "data: 3", "? : x",
      "--- a\n--- b",
    ] {
      #expect(throws: UsageError.self) { _ = try StudyConfiguration(yaml: yaml, name: "study") }
      #expect(throws: UsageError.self) { _ = try ProblemConfiguration(yaml: yaml, name: "problem") }
    }
  }
}
