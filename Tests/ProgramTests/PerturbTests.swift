import Archive
import Foundation
import Testing

/// `isotherm perturb`, its analysis and its figure, as a user drives them.
@Suite struct PerturbTests {
  private func run(_ program: String, _ arguments: [String], _ settings: [String] = []) throws {
    let outcome = try Programs.run(program, arguments + settings.flatMap { ["--set", $0] })
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
  }

  @Test func `images: noise, masks and swaps, the same for any number of threads`() throws {
    try withScratch { folder in
      let (r, f, p) = (folder + "/r", folder + "/f", folder + "/p")
      try run("isotherm", ["train", Programs.study, "-o", r] + Programs.small)
      try run("isotherm", ["fit", r, "-o", f])
      let sizes = ["perturb.noise=[1e-3, 2e-3, 0.5]", "perturb.mask=[0.2]", "perturb.swap=[0.5]"]
      try run("isotherm", ["perturb", r, "--fields", f, "-o", p, "--threads", "1"], sizes)
      try run("isotherm", ["perturb", r, "--fields", f, "-o", p + "2", "--threads", "3"], sizes)
      let reader = try RunReader(p)
      #expect(try reader.logicalHash() == RunReader(p + "2").logicalHash())
      let names = try reader.readTexts("/perturbation/trajectory_name")
      #expect(names == ["network", "diffusion", "autonomous", "modulated"])
      let growth = try reader.read("/perturbation/growth", as: Double.self)
      let (depths, samples) = (growth.shape[2], growth.shape[3])
      #expect(growth.shape[0] == 5 && growth.shape[1] == 4)
      func value(_ condition: Int, _ trajectory: Int, _ depth: Int, _ sample: Int) -> Double {
        growth.elements[((condition * 4 + trajectory) * depths + depth) * samples + sample]
      }
      for sample in 0..<samples {
        #expect(value(0, 0, 0, sample) == 1 && value(0, 2, 0, sample) == 1)
        // Diffusion never lets a change grow in the mean square.
        #expect(value(2, 1, depths - 1, sample) <= 1 + 1e-5)
      }
      let attention = try reader.read("/perturbation/attention_change", as: Double.self).elements
      let network = attention.prefix(attention.count / 5 / 4)
      #expect(network.allSatisfy { $0 > 0 && $0 < 1 })
      let divergence = try reader.read("/perturbation/output_divergence", as: Double.self)
      // Four times for twice the noise: the divergence is quadratic in a small change.
      let (small, twice) = (
        divergence.row(0).elements.reduce(0, +), divergence.row(1).elements.reduce(0, +)
      )
      #expect(twice > 2 * small && twice < 8 * small, "\(small) \(twice)")
      try run("isotherm-analyze", ["perturbation", p, "-o", folder + "/m"])
      let image = folder + "/p.png"
      try run("isotherm-plot", ["perturbation", folder + "/m.h5", "-o", image])
      try run("isotherm-plot", ["verify", image])
      // Fields of another run, and of the task, are refused.
      try run("isotherm", ["train", Programs.study, "-o", r + "b"] + Programs.small, ["seed=5"])
      let foreign = try Programs.run(
        "isotherm", ["perturb", r + "b", "--fields", f, "-o", p + "b"])
      #expect(
        foreign.status == 2 && foreign.errors.contains("was not fitted to"), "\(foreign.errors)")
      try run("isotherm", ["fit", r, "-o", folder + "/t"], ["pde.objective=task"])
      let task = try Programs.run(
        "isotherm", ["perturb", r, "--fields", folder + "/t", "-o", p + "t"])
      #expect(task.status == 2 && task.errors.contains("trained on the task"), "\(task.errors)")
      #expect(!FileManager.default.fileExists(atPath: p + "t.run"))
    }
  }

  @Test func `text: tokens are blanked and swapped within their own length`() throws {
    try withScratch { folder in
      try run(
        "isotherm", ["train", "data/studies/austen-novels.yaml", "-o", folder + "/r"],
        [
          "model.width=16", "model.layers=2", "model.mlp=32", "model.heads=2", "data.tokens=24",
          "data.vocabulary=300", "training.epochs=1", "training.batch=128", "capture.samples=8",
          #"capture.taps=["residual.0.pre", "residual.*.post"]"#,
        ])
      try run(
        "isotherm", ["perturb", folder + "/r", "-o", folder + "/p"],
        ["perturb.noise=[]", "perturb.mask=[0.5]", "perturb.swap=[0.5]"])
      let reader = try RunReader(folder + "/p")
      let growth = try reader.read("/perturbation/growth", as: Double.self)
      #expect(growth.shape == [2, 1, 3, 8])
      #expect(growth.row(0).elements.allSatisfy { $0.isFinite && $0 > 0 })
      // What was perturbed was not fitted: nothing is left out silently.
      let flow = try Programs.run("isotherm-analyze", ["flow", folder + "/r", folder + "/p"])
      #expect(
        flow.status == 1 && flow.errors.contains("`isotherm fit` makes them"), "\(flow.errors)")
      let inform = try Programs.run(
        "isotherm", ["inform", folder + "/r", "--fields", folder + "/p", "-o", folder + "/i"])
      #expect(inform.status == 2 && inform.errors.contains("isotherm fit makes them"))
      let outcome = try Programs.run("isotherm-analyze", ["perturbation", folder + "/p"])
      #expect(outcome.output.contains("mask 0.5") && outcome.output.contains("exponent"))
      let none = try Programs.run(
        "isotherm",
        ["perturb", folder + "/r", "-o", folder + "/x"]
          + ["noise", "mask", "swap"].flatMap { ["--set", "perturb.\($0)=[]"] })
      #expect(none.status == 2 && none.errors.contains("at least one size"), "\(none.errors)")
    }
  }
}
