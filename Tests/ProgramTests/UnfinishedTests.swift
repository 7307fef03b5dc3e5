import Archive
import Foundation
import Testing

/// Analyses of what is still being made, or was ended half-way: no number is made of rows that nobody wrote.
@Suite struct UnfinishedTests {
  private func analyze(_ arguments: String...) throws -> Programs.Outcome {
    let outcome = try Programs.run("isotherm-analyze", arguments)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return outcome
  }

  private func names(_ outcome: Programs.Outcome, _ key: String) throws -> (Set<String>, [String]) {
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let rows = document["rows"] as? [[String: Any]] ?? []
    return (
      Set(rows.compactMap { $0[key] as? String }), document["notes"] as? [String] ?? []
    )
  }

  /// Starts a fit of three equations whose second takes hours, and ends it once the first is committed.
  private func endedFit(_ run: String, _ out: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
    process.currentDirectoryURL = URL(fileURLWithPath: Programs.root)
    process.arguments =
      ["fit", run, "-o", out, "--progress", "none"]
      + ["pde.models=[persistence, autonomous, modulated]", "pde.epochs=100000"].flatMap {
        ["--set", $0]
      }
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    defer {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    for _ in 0..<600 {
      Thread.sleep(forTimeInterval: 0.1)
      // The folder is there before it can be read.
      guard FileManager.default.fileExists(atPath: out + ".run/index.h5") else { continue }
      if try RunReader(out + ".run").contains("/fields/persistence/u") { return }
    }
    Issue.record("the first equation was not committed within a minute")
  }

  @Test func `equations that were not fitted yet are left out, by name`() throws {
    try withScratch { folder in
      let (run, part, one) = (folder + "/run", folder + "/part", folder + "/one")
      for arguments in [
        ["train", Programs.study, "-o", run] + Programs.small,
        ["fit", run, "-o", one, "--set", "pde.models=[autonomous]"],
      ] {
        let outcome = try Programs.run("isotherm", arguments)
        try #require(outcome.status == 0, "\(outcome.errors)")
      }
      try endedFit(run, part)
      for isSealed in [false, true] {
        if isSealed {
          let sealed = try Programs.run("isotherm-archive", ["seal", part + ".run"])
          try #require(sealed.status == 0, "\(sealed.errors)")
        }
        let fields = part + (isSealed ? ".h5" : ".run")
        let metrics = folder + "/m-\(isSealed)"
        let flow = try names(analyze("flow", run, fields, "--json", "-o", metrics), "trajectory")
        #expect(flow.0 == ["network", "persistence"])
        for name in ["autonomous", "modulated"] {
          #expect(flow.1.contains("\(name): not fitted yet; left out."), "\(flow.1)")
        }
        let texts = try RunReader(metrics).readTexts("/metrics/flow/trajectory_name")
        #expect(texts == ["network", "persistence"])
        // No equation with attention is there, then one from another fit.
        let none = try names(
          analyze("attention", run, fields, "--json", "-o", metrics + "-0"), "model")
        #expect(none.0.isEmpty && none.1.contains("modulated: not fitted yet; left out."))
        let candidates = try RunReader(metrics + "-0").readTexts(
          "/metrics/attention/candidate_name")
        #expect(candidates == ["uniform", "position", "untrained", "shuffled"])
        let some = try names(analyze("attention", run, fields, one, "--json"), "model")
        #expect(some.0 == ["autonomous"])
        #expect(some.1.contains("modulated: not fitted yet; left out."))
        #expect(!some.1.contains("autonomous: not fitted yet; left out."))
      }
    }
  }
}
