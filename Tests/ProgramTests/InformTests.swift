import Archive
import Foundation
import Testing

/// `isotherm inform` and `isotherm verify`, as a user drives them.
@Suite struct InformTests {
  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func `any two datasets of other people's files, and mistakes told in one line`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let script = """
      import h5py, numpy as np
      r = np.random.default_rng(1)
      x = r.standard_normal((2000, 1))
      with h5py.File("\(folder)/pairs.h5", "w") as f:
          f["x"] = x
          f["deep/y"] = (0.75 * x + (1 - 0.75**2)**0.5 * r.standard_normal((2000, 1))).astype("f4")
          f["short"] = x[:100]
          f["nan"] = np.where(np.arange(2000) == 7, np.nan, 1.0)
          f["label"] = (x[:, 0] > 0).astype("i2")
      """
    let made = try Programs.run(Programs.root + "/.venv/bin/python", ["-c", script])
    try #require(made.status == 0, "\(made.errors)")
    func inform(_ x: String, _ y: String, _ more: String...) throws -> Programs.Outcome {
      try Programs.run(
        "isotherm",
        ["inform", "--x", "\(folder)/pairs.h5:\(x)", "--y", "\(folder)/pairs.h5:\(y)"] + more)
    }
    let outcome = try inform("/x", "/deep/y", "--estimator", "ksg", "--k", "4", "--json")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let result = try json(outcome.output)
    let value = try #require(result["value"] as? Double)
    #expect(abs(value - 0.4133) < 0.06)
    for key in ["null", "lower", "upper", "seconds"] { #expect(result[key] is Double, "\(key)") }
    #expect(result["samples"] as? Int == 2000)
    #expect(result["p_value"] as? Double == 0.025)
    #expect(result["verdict"] as? String == "above")
    #expect(result["transform"] as? String == "standard")
    #expect(result["notes"] as? [String] == [])
    #expect(result["dimension_x"] as? Int == 1)
    #expect(result["units"] as? String == "nat")
    let labels = try inform("/x", "/label")
    #expect(labels.output.contains("mixed-ksg"))
    #expect(labels.output.contains("repeats its values"))
    for (y, status, text) in [
      ("/short", 1, "x has 2000 samples and y has 100"), ("/nan", 2, "NaN or infinite"),
      ("/no", 1, "no such dataset"),
    ] {
      let wrong = try inform("/x", y)
      #expect(wrong.status == Int32(status), "\(y)")
      #expect(wrong.errors.contains(text), "\(wrong.errors)")
      #expect(wrong.errorLines.count == 1)
    }
    #expect(try inform("/x", "/deep/y", "--estimator", "kgs").status == 2)
    #expect(try Programs.run("isotherm", ["inform"]).status == 2)
  }

  @Test func `an estimate says what its inputs were compared by: pixels, or tokens`() throws {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5")
      try SmallData.passages(folder + "/t.h5")
      for (name, isText, words) in [("images", false, "pixels"), ("text", true, "each token")] {
        let study = try SmallData.study(folder, text: isText)
        let run = "\(folder)/\(name)"
        for arguments in [
          ["train", study, "-o", run],
          ["inform", run, "-o", run + "-i"]
            + ["estimators=[ksg]", "resamples=4", "shuffles=4"].flatMap {
              ["--set", "information." + $0]
            },
        ] {
          let outcome = try Programs.run("isotherm", arguments)
          try #require(outcome.status == 0, "\(outcome.errors)")
        }
        let settings = try RunReader(run + "-i").attribute(
          "/estimates/ksg/input/value", "settings")
        #expect(settings?.text?.contains(words) == true, "\(String(describing: settings))")
      }
    }
  }

  @Test func `layers, pairs of layers and the PDE; stopped and resumed to the same bits`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let run = folder + "/run"
    for arguments in [
      ["train", Programs.study, "-o", run] + Programs.small
        + ["--set", "training.epochs=3", "--set", "training.batch=1000"],
      ["fit", run, "-o", folder + "/fields"],
    ] {
      let outcome = try Programs.run("isotherm", arguments)
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
    let arguments = [
      "inform", run, "--fields", folder + "/fields", "--set",
      "information.estimators=[kde, kde-lower, binning, ksg, renyi]", "--set",
      "information.pairs=[kde, ksg, renyi]",
    ]
    let plan = try Programs.run("isotherm", arguments + ["--dry-run", "--json"])
    #expect(plan.status == 0)
    #expect(plan.output.contains("/pairs/ksg/value"))
    let whole = try Programs.run("isotherm", arguments + ["-o", folder + "/whole"])
    try #require(whole.status == 0, "\(whole.errors)")
    let reader = try RunReader(folder + "/whole")
    #expect(try reader.describe("/pairs/kde/value").shape == [4, 3, 3])
    let upper = try reader.read("/estimates/kde/input/value", as: Double.self).elements
    let lower = try reader.read("/estimates/kde-lower/input/value", as: Double.self).elements
    #expect(zip(upper, lower).allSatisfy { $0 >= $1 })
    let pde = try reader.read("/network_pde/autonomous/value", as: Double.self).elements
    #expect(pde.allSatisfy { $0.isFinite })
    #expect(try ArchiveCheck.run(folder + "/whole").findings.isEmpty)
    let heads = try Programs.run(
      "isotherm",
      ["inform", run, "-o", folder + "/heads", "--set", "information.taps=attention"])
    try #require(heads.status == 0, "\(heads.errors)")
    let names = try RunReader(folder + "/heads").readTexts("/taps/name")
    #expect(names.count == 4 && names[1] == "attention.0.map head 1", "\(names)")
    // Killed after its first commit, then resumed.
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
    process.arguments = arguments + ["-o", folder + "/stopped"]
    process.environment = ProcessInfo.processInfo.environment
      .filter { $0.key != "OPENBLAS_CORETYPE" }
    (process.standardError, process.standardOutput) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    while !FileManager.default.fileExists(atPath: folder + "/stopped.run/index.h5"),
      process.isRunning
    { usleep(500) }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let resumed = try Programs.run("isotherm", arguments + ["-o", folder + "/stopped", "--resume"])
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(try RunReader(folder + "/stopped").logicalHash() == reader.logicalHash())
  }

  @Test func `the dynamics stand up to their exact answers`() throws {
    let outcome = try Programs.run("isotherm", ["verify", "dynamics", "--json"])
    #expect(outcome.status == 0, "\(outcome.output)")
    let document = try json(outcome.output)
    #expect(document["passed"] as? Bool == true)
    let rows = try #require(document["rows"] as? [[String: Any]])
    #expect(rows.count >= 20)
    for key in ["name", "expected", "found", "error", "tolerance", "passed"] {
      #expect(rows[0][key] != nil, "\(key)")
    }
  }
}
