import Archive
import Foundation
import Testing

/// What analyses say of numbers that are none: noise, perfect nulls, states that are not finite, seeds that diverged.
@Suite struct PooledTests {
  /// Runs Python on a file opened with h5py as `f`.
  private func edit(_ file: String, _ code: String) throws {
    let outcome = try Programs.run(
      Programs.root + "/.venv/bin/python",
      ["-c", "import h5py, numpy as np\nf = h5py.File('\(file)', 'r+')\n\(code)\nf.close()"])
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private func analyze(_ arguments: String...) throws -> Programs.Outcome {
    let outcome = try Programs.run("isotherm-analyze", arguments)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return outcome
  }

  private func rows(_ outcome: Programs.Outcome) throws -> (rows: [[String: Any]], notes: [String])
  {
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    return (document["rows"] as? [[String: Any]] ?? [], document["notes"] as? [String] ?? [])
  }

  /// A run with states, maps and gradients, and the equation fitted to it.
  private func pipeline(_ folder: String) throws {
    let taps =
      "[residual.0.pre, residual.*.post, gradient.residual.0.pre, gradient.residual.*.post, attention.*.map]"
    for arguments in [
      ["train", Programs.study, "-o", folder + "/run"] + Programs.small + [
        "--set", "capture.taps=\(taps)", "--set", "capture.samples=24", "--set",
        "capture.type=float32",
      ],
      ["fit", folder + "/run", "-o", folder + "/fit", "--set", "pde.models=[autonomous]"],
    ] {
      let outcome = try Programs.run("isotherm", arguments)
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
  }

  @Test func `noise, perfect nulls and broken states are told from results`() throws {
    try withScratch { folder in
      try pipeline(folder)
      let run = folder + "/run.h5"
      for copy in ["noise", "flat", "broken"] {
        try FileManager.default.copyItem(atPath: run, toPath: folder + "/\(copy).h5")
      }
      try checkNoise(folder)
      try checkPerfectNull(folder)
      try checkBroken(folder)
    }
  }

  /// Writes an edited run anew, with hashes of what it holds now, and fits an equation to it: one that was fitted before is refused.
  private func refit(_ folder: String, _ name: String) throws {
    let run = "\(folder)/\(name).h5"
    let old = try Programs.run(
      "isotherm-analyze", ["attention", run, folder + "/fit.h5", "--json"])
    #expect(old.status == 1 && old.errors.contains("when that held other values"), "\(old.errors)")
    let anew = "\(folder)/\(name)-anew.h5"
    for (program, arguments) in [
      ("isotherm-archive", ["repack", run, "-o", anew, "--force"]),
      (
        "isotherm",
        ["fit", anew, "-o", "\(folder)/\(name)-fit", "--force", "--set", "pde.models=[autonomous]"]
      ),
    ] {
      let outcome = try Programs.run(program, arguments)
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
  }

  private func checkNoise(_ folder: String) throws {
    try edit(
      folder + "/noise.h5",
      """
      r = np.random.default_rng(0)
      for k in f['activations']: d = f[f'activations/{k}/values']; d[...] = r.standard_normal(d.shape)
      """)
    let found = try rows(analyze("flow", folder + "/noise.h5", "--json", "-o", folder + "/m"))
    for row in found.rows.dropFirst() {
      #expect((row["cka_first"] as? Double ?? 0) > 0.9)
      #expect(abs(row["cka_first_debiased"] as? Double ?? 1) < 0.25)
    }
    #expect(found.notes.contains { $0.contains("biased upwards") && $0.contains("24 samples") })
    let metrics = try RunReader(folder + "/m")
    let cka = try metrics.read("/metrics/flow/cka_debiased", as: Double.self)
    #expect(cka.shape == [1, 3, 3] && abs(cka.elements[4] - 1) < 1e-9)
    let stability = try analyze("stability", folder + "/noise.h5", "-o", folder + "/s")
    #expect(stability.output.contains("debiased CKA"))
    let last = try RunReader(folder + "/s").read(
      "/metrics/stability/final_cka_debiased_last", as: Double.self)
    #expect(abs(last.elements[0]) < 0.25)
  }

  /// Maps that are the same for all samples and checkpoints but for rounding: every null is perfect.
  private func checkPerfectNull(_ folder: String) throws {
    let code = """
      r = np.random.default_rng(1)
      def flat(d):
        a = np.exp(r.standard_normal(d.shape[-2:])); a /= a.sum(-1, keepdims=True)
        return np.broadcast_to(a, d.shape) * (1 + 1e-7 * r.standard_normal(d.shape))
      """
    try edit(
      folder + "/flat.h5",
      code + "\nfor k in f['attention']: d = f[f'attention/{k}/values']; d[...] = flat(d)")
    try refit(folder, "flat")
    for (file, word) in [("flat-fit.h5", "undefined")] {
      let found = try rows(
        analyze("attention", folder + "/flat-anew.h5", folder + "/" + file, "--json"))
      #expect(!found.rows.isEmpty)
      for row in found.rows {
        #expect(row["skill"] is NSNull && row["verdict"] as? String == word, "\(row)")
        #expect((row["shuffled"] as? Double ?? 0) > 0.999)
      }
      #expect(found.notes.contains { $0.hasPrefix("undefined: the strongest null is perfect") })
    }
  }

  private func checkBroken(_ folder: String) throws {
    for (value, count) in [("np.nan", 1), ("np.inf", 24)] {
      try edit(
        folder + "/broken.h5",
        """
        for g in ['activations', 'attention', 'gradients']:
          for k in f[g]:
            if isinstance(f[g][k], h5py.Group): f[g][k]['values'][-1, :\(count)] = \(value)
        """)
      let flow = try rows(analyze("flow", folder + "/broken.h5", "--json"))
      #expect(flow.rows.count == 3)
      for row in flow.rows {
        for key in ["norm", "cka_first", "cka_first_debiased", "error"] {
          #expect(row[key] is NSNull, "\(key): \(row)")
        }
      }
      #expect(
        flow.notes.contains {
          $0.contains("states of \(count) of 24 samples are not finite at depth 0")
        })
      try refit(folder, "broken")
      let attention = try rows(
        analyze("attention", folder + "/broken-anew.h5", folder + "/broken-fit.h5", "--json"))
      for row in attention.rows {
        #expect(row["pde"] is NSNull && row["skill"] is NSNull, "\(row)")
        #expect(row["verdict"] as? String == "not a number")
      }
      #expect(
        attention.notes.contains { $0.contains("network: maps of \(count) of 24 samples") })
      let stability = try rows(analyze("stability", folder + "/broken.h5", "--json"))
      #expect(stability.rows[0]["diverged"] as? String == "yes")
      #expect(stability.notes.contains { $0.contains("at the end: states of \(count) of 24") })
      #expect((stability.rows[0]["drift_last"] is NSNull) == (count == 24))
      let gradients = try rows(analyze("gradients", folder + "/broken.h5", "--json"))
      #expect(
        gradients.notes.contains { $0.contains("\(count) of 24 samples have a gradient") },
        "\(gradients.notes)")
    }
  }

  @Test func `seeds without a value are counted wherever seeds are pooled`() throws {
    try withScratch { folder in
      var files: [String] = []
      for seed in 1...3 {
        let file = folder + "/run-\(seed)"
        let outcome = try Programs.run(
          "isotherm",
          ["train", Programs.study, "-o", file] + Programs.small + [
            "--set", "seed=\(seed)", "--set",
            "capture.taps=[residual.0.pre, residual.*.post]",
          ])
        try #require(outcome.status == 0, "\(outcome.errors)")
        _ = try analyze("stability", file, "-o", folder + "/m-\(seed)")
        files.append(folder + "/m-\(seed).h5")
      }
      let whole = try analyze(
        "compare", files[0], files[1], files[2], "-o", folder + "/whole", "--json")
      #expect(!whole.output.contains("no finite value"))
      try edit(
        files[1],
        """
        g = f['metrics/stability']
        g['diverged'][...] = 1; g['drift_last'][0, 1:] = np.nan; g['test_accuracy'][...] = np.inf
        """)
      let outcome = try analyze(
        "compare", files[0], files[1], files[2], "-o", folder + "/out", "--json")
      let notes = try rows(outcome).notes
      #expect(
        notes.contains { $0.contains("seed 2 (diverged) has no finite value in 2 of") }, "\(notes)")
      let summary = folder + "/out.h5"
      let counts = try RunReader(summary).read(
        "/comparison/stability/drift_last_seed_count", as: Int32.self)
      #expect(counts.elements == [3, 2, 2] && counts.shape == [1, 1, 3])
      let (a, b) = (try value(files[0]), try value(files[2]))
      let mean = try RunReader(summary).read("/comparison/stability/drift_last", as: Double.self)
      #expect(abs(mean.elements[2] - (a + b) / 2) < 1e-12)
      let shown = try rows(analyze("compare", summary, "--metric", "drift_last", "--json"))
      #expect(shown.rows.map { $0["finite"] as? Int } == [3, 2, 2])
      #expect(shown.rows.allSatisfy { $0["seeds"] as? Int == 3 })
      #expect(shown.notes.contains { $0.contains("seed 2 (diverged) without a finite value") })
      let csv = try analyze("compare", summary, "--metric", "drift_last", "--csv")
      #expect(csv.output.contains("finite,seeds") && csv.output.contains(",2,3"))
      for more in [["--markdown"], []] {
        let table = try Programs.run(
          "isotherm-analyze", ["compare", summary, "--metric", "drift_last"] + more)
        #expect(table.output.components(separatedBy: "(2 of 3)").count == 3, "\(table.output)")
        #expect(table.output.contains("seed 2 (diverged)"), "\(table.output)")
      }
      let one = try analyze(
        "compare", summary, "--metric", "drift_last", "--where", "depth_time=0")
      #expect(!one.output.contains("of 3") && !one.output.contains("seed 2"))
    }
  }

  private func value(_ file: String) throws -> Double {
    try RunReader(file).read("/metrics/stability/drift_last", as: Double.self).elements[2]
  }
}
