import Archive
import Foundation
import Testing

/// Analyses of models that were fitted in several goes.
@Suite struct LadderTests {
  private func run(_ program: String, _ arguments: [String]) throws {
    let outcome = try Programs.run(program, arguments)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
  }

  @Test func `a ladder fitted in two goes is compared as if it were fitted in one`() throws {
    try withScratch { folder in
      func at(_ name: String) -> String { folder + "/" + name }
      try run("isotherm", ["train", Programs.study, "-o", at("run")] + Programs.small)
      for (name, models) in [
        ("both", "autonomous, layerwise"), ("one", "autonomous"), ("other", "layerwise"),
      ] {
        try run("isotherm", ["fit", at("run"), "-o", at(name), "--set", "pde.models=[\(models)]"])
      }
      for analysis in ["attention", "flow"] {
        let (whole, parts) = (at("\(analysis)-whole"), at("\(analysis)-parts"))
        try run("isotherm-analyze", [analysis, at("run"), at("both"), "-o", whole])
        try run("isotherm-analyze", [analysis, at("run"), at("one"), at("other"), "-o", parts])
        let (one, two) = (try RunReader(whole), try RunReader(parts))
        let paths = try one.paths(below: "/metrics")
        #expect(try two.paths(below: "/metrics") == paths && paths.count > 10)
        for path in paths {
          #expect(try one.describe(path).sha256 == two.describe(path).sha256, "\(path)")
        }
      }
      let twice = try Programs.run(
        "isotherm-analyze", ["attention", at("run"), at("both"), at("one")])
      #expect(
        twice.status == 2 && twice.errors.contains("autonomous was fitted both in"),
        "\(twice.errors)")
      let metrics = try RunReader(at("attention-whole"))
      let names = try metrics.readTexts("/metrics/attention/candidate_name")
      let rollout = try metrics.read("/metrics/attention/rollout_raw_cosine/value", as: Double.self)
      #expect(rollout.shape == [names.count, 2])
      // Half of a first rollout is the identity for every candidate: none is far from the network's.
      #expect((0..<names.count).allSatisfy { rollout.row($0).elements[0] > 0.8 })
    }
  }
}
