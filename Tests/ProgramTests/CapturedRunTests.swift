import Archive
import Foundation
import Testing

/// What was captured elsewhere is analysed, fitted, estimated and drawn as a run of ours, without its network.
@Suite struct CapturedRunTests {
  private let folder: String
  private static let networks = Programs.root + "/Tests/PretrainedNetworksTests/networks"
  private static let shared = Programs.root + "/../shared/checkpoints"

  private static let sharedAreThere: Bool = {
    let areThere = FileManager.default.fileExists(atPath: shared + "/gpt2/ref.npz")
    if !areThere { print("skipped: the shared checkpoints are not beside this checkout") }
    return areThere
  }()

  init() throws { folder = try Programs.scratch() }

  @discardableResult
  private func succeed(_ program: String, _ arguments: [String]) throws -> Programs.Outcome {
    let outcome = try Programs.run(program, arguments, in: folder)
    try #require(outcome.status == 0, "\(program) \(arguments): \(outcome.errors)")
    return outcome
  }

  private func script(_ arguments: String...) throws -> Programs.Outcome {
    try Programs.run(
      Programs.root + "/.venv/bin/python", [SavedArraysTests.script] + arguments, in: folder)
  }

  /// Makes arrays of a kind and imports them as `kind.h5`.
  private func prepare(_ kinds: String...) throws {
    for kind in kinds {
      let made = try script(kind, kind + ".npz")
      try #require(made.status == 0, "\(made.errors)")
      try succeed(
        "isotherm", ["import", kind + ".npz", "--preset", "huggingface", "-o", kind])
    }
  }

  private static let quick = [
    "pde.epochs=2", "pde.models=[diffusion,autonomous]", "information.resamples=10",
    "information.shuffles=10",
  ].flatMap { ["--set", $0] }
  private static let fit = Array(quick.prefix(4)), inform = Array(quick.suffix(4))

  private func expectEqual(_ a: String, _ b: String, bound: String = "1e-5") throws {
    let outcome = try script("equal", a, b, bound)
    #expect(outcome.status == 0, "\(a) \(b): \(outcome.output) \(outcome.errors)")
  }

  @Test func `captures go all the way to a report`() throws {
    try prepare("good")
    try succeed("isotherm", ["fit", "good", "-o", "f"] + Self.fit)
    try succeed("isotherm", ["inform", "good", "-o", "i"] + Self.inform)
    try succeed("isotherm-analyze", ["flow", "good", "f", "-o", "flow"])
    let attention = try succeed("isotherm-analyze", ["attention", "good", "f", "-o", "attention"])
    #expect(attention.output.contains("no network before training"))
    try succeed("isotherm-analyze", ["bottleneck", "i", "-o", "bottleneck"])
    try succeed(
      "isotherm-plot",
      ["report", "good", "f", "i", "flow", "attention", "bottleneck", "-o", "page", "--dpi", "40"])
    let figures = try FileManager.default.contentsOfDirectory(atPath: folder + "/page/figures")
    for name in [
      "attention", "attention-rollout", "flow", "cka", "similarity", "skill", "terms",
      "information-plane", "bottleneck-curve",
    ] {
      #expect(figures.contains { $0.hasSuffix("-\(name).png") }, "\(name) of \(figures)")
    }
    #expect(!figures.contains { $0.hasSuffix("-training.png") })
    for name in ["f", "i"] {
      let check = try succeed("isotherm-archive", ["check", name])
      #expect(check.output.contains("0 findings"), "\(check.output)")
    }
    let judged = try script("judge", "good.h5", "f.h5", "1e-5")
    #expect(judged.status == 0, "\(judged.output) \(judged.errors)")
    try succeed("isotherm", ["inform", "good", "-o", "i", "--resume"] + Self.inform)
  }

  @Test(arguments: [false, true])
  func `a run of ours and its captures imported again say the same`(_ isText: Bool) throws {
    if isText {
      try SmallData.passages(folder + "/t.h5", shortest: 5)
    } else {
      try SmallData.images(folder + "/d.h5")
    }
    let study = try SmallData.study(folder, text: isText)
    try succeed("isotherm", ["train", study, "-o", "run"])
    let exported = try script("export", "run.h5", "captures.npz")
    try #require(exported.status == 0, "\(exported.errors)")
    try succeed("isotherm", ["import", "captures.npz", "--preset", "huggingface", "-o", "again"])
    for (name, prefix) in [("run", "a"), ("again", "b")] {
      try succeed("isotherm-analyze", ["flow", name, "-o", prefix + "-flow"])
      try succeed(
        "isotherm",
        [
          "inform", name, "-o", prefix + "-i", "--set", "seed=3", "--set",
          "information.pairs=[kde]",
        ]
          + Self.inform)
      try succeed("isotherm-analyze", ["bottleneck", prefix + "-i", "-o", prefix + "-b"])
    }
    try expectEqual("a-flow.h5", "b-flow.h5")
    try expectEqual("a-i.h5", "b-i.h5")
  }

  @Test func `padding in front of a text makes no difference`() throws {
    try prepare("left", "right")
    for name in ["left", "right"] {
      try succeed(
        "isotherm",
        [
          "fit", name, "-o", name + "-f", "--set", "pde.models=[autonomous]", "--set",
          "pde.epochs=3",
        ])
      try succeed("isotherm-analyze", ["flow", name, name + "-f", "-o", name + "-flow"])
      try succeed("isotherm", ["inform", name, "-o", name + "-i"] + Self.inform)
    }
    try expectEqual("left-flow.h5", "right-flow.h5")
    try expectEqual("left-i.h5", "right-i.h5")
    let (a, b) = (try RunReader(folder + "/left-f"), try RunReader(folder + "/right-f"))
    let path = "/fields/autonomous/u"
    let (u, v) = (
      try a.read(path, as: Float.self).elements, try b.read(path, as: Float.self).elements
    )
    #expect(!u.isEmpty && zip(u, v).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(try a.read("/samples/length", as: Int32.self).elements.contains(3))
  }

  @Test func `the split of the file is the one that is fitted and judged by`() throws {
    try prepare("split")
    try succeed("isotherm", ["fit", "split", "-o", "f"] + Self.fit)
    let fields = try RunReader(folder + "/f")
    #expect(try fields.read("/samples/index", as: Int32.self).elements == [1, 7, 22])
    #expect(try fields.read("/samples/label", as: Int32.self).elements == [1, 1, 1])
    #expect(try fields.attribute("/fields/diffusion/u", "fit_samples")?.integer == 21)
  }

  @Test func `clean and perturbed captures give the growth of what was changed`() throws {
    try prepare("good", "doubling", "noisy")
    let outcome = try succeed(
      "isotherm-analyze", ["perturbation", "good", "doubling", "noisy", "--json", "-o", "p"])
    #expect(outcome.output.contains("doubling"))
    let metrics = try RunReader(folder + "/p")
    let growth = try metrics.read("/metrics/perturbation/log_growth", as: Double.self)
    #expect(growth.shape == [2, 1, 4])
    for depth in 0..<4 {
      #expect(abs(growth.elements[depth] - Double(depth) * log(2)) < 1e-3)
    }
    #expect(
      try metrics.read("/metrics/perturbation/attention_change", as: Double.self).elements[0] == 0)
    try succeed("isotherm-plot", ["perturbation", "p", "-o", "p.png", "--dpi", "40"])
    try prepare("one-sample")
    for (arguments, words) in [
      (["good", "one-sample"], "same samples"), (["good"], "perturbed"),
    ] {
      let refused = try Programs.run("isotherm-analyze", ["perturbation"] + arguments, in: folder)
      #expect(refused.status != 0 && refused.errors.contains(words), "\(refused.errors)")
      #expect(refused.errorLines.count == 1)
    }
  }

  @Test func `without labels there is I(X;T) alone`() throws {
    try prepare("unlabelled")
    try succeed("isotherm", ["inform", "unlabelled", "-o", "i"] + Self.inform)
    #expect(try !RunReader(folder + "/i").contains("/estimates/kde/label"))
    let outcome = try succeed("isotherm-analyze", ["bottleneck", "i", "-o", "b"])
    #expect(outcome.output.contains("no labels"))
    try succeed("isotherm-plot", ["information-layers", "i", "-o", "i.png", "--dpi", "40"])
    try succeed("isotherm-plot", ["report", "i", "b", "-o", "page", "--dpi", "40"])
    let plane = try Programs.run(
      "isotherm-plot", ["information-plane", "i", "-o", "j.png"], in: folder)
    #expect(plane.status == 1 && plane.errors.contains("no labels"))
  }

  @Test(arguments: ["neox-sequential", "vit-bare", "gpt2-bare"])
  func `captures of an imported network are fitted and estimated`(_ name: String) throws {
    try fitNetwork(Self.networks + "/" + name, stepper: "lie")
  }

  @Test(.enabled(if: sharedAreThere))
  func `attention and MLP beside each other are fitted by Euler's step`() throws {
    let said = try fitNetwork(Self.shared + "/gpt_neox", stepper: "euler")
    #expect(said.contains("read the same state"))
  }

  /// Imports, captures and fits a network; returns what the fit says of itself.
  @discardableResult
  private func fitNetwork(_ network: String, stepper: String) throws -> String {
    try succeed("isotherm", ["import", network, "-o", "net"])
    let made = try Programs.run(
      Programs.root + "/.venv/bin/python",
      [
        "-c",
        """
        import numpy, sys
        from numpy.random import default_rng
        reference = numpy.load(sys.argv[1])
        name = "input" if "input" in reference.files else "input_ids"
        shape = reference[name].shape[1:]
        random = default_rng(3)
        one = random.integers(0, 9, (20, *shape)) if reference[name].ndim == 2 else \
            random.normal(size=(20, *shape)).astype("f4")
        numpy.savez("data.npz", data=one)
        print(reference[name].ndim)
        """, network + "/ref.npz",
      ], in: folder)
    try #require(made.status == 0, "\(made.errors)")
    let isText = made.output.hasPrefix("2")
    try succeed(
      "isotherm",
      ["capture", "net"]
        + (isText ? ["--tokens", "data.npz:data"] : ["--images", "data.npz:data", "--as-is"])
        + ["-o", "c"])
    try succeed("isotherm", ["fit", "c", "-o", "f"] + Self.fit)
    try succeed("isotherm", ["inform", "c", "-o", "i"] + Self.inform)
    try succeed("isotherm-analyze", ["flow", "c", "f"])
    try succeed("isotherm-analyze", ["attention", "c", "f"])
    try succeed("isotherm-analyze", ["bottleneck", "i"])
    let judged = try script("judge", "c.h5", "f.h5", "1e-5")
    #expect(judged.status == 0, "\(judged.output) \(judged.errors)")
    let said = try succeed("isotherm-archive", ["ls", "--explanation", "f"]).output
    #expect(said.contains(isText ? "Causal" : "do not diffuse"), "\(said)")
    let fields = try RunReader(folder + "/f")
    #expect(try fields.attribute("/fields/diffusion/u", "stepper") == .text(stepper))
    return said
  }

  @Test func `what needs the network says so`() throws {
    try prepare("good", "mapless", "one-sample")
    for (arguments, words) in [
      (["perturb", "good"], "isotherm-analyze perturbation"),
      (["fit", "good", "--set", "pde.objective=task"], "needs the network itself"),
      (["fit", "good", "--set", "training.epochs=2"], "no network to train"),
      (["fit", "good", "--set", "pde.epoch=2"], "did you mean epochs"),
      (["fit", "mapless"], "attn_implementation"), (["fit", "one-sample"], "two samples"),
      (["inform", "one-sample"], "at least 4 samples"),
    ] {
      let refused = try Programs.run("isotherm", arguments + ["-o", "x"], in: folder)
      #expect(refused.status == 1 || refused.status == 2, "\(arguments)")
      #expect(refused.errors.contains(words), "\(arguments): \(refused.errors)")
      #expect(refused.errorLines.count == 1, "\(refused.errors)")
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(!left.contains { $0.hasPrefix("x.") }, "\(left)")
    let gradients = try Programs.run("isotherm-analyze", ["gradients", "good"], in: folder)
    #expect(gradients.status == 1 && gradients.errors.contains("only a network in training"))
    try succeed("isotherm-analyze", ["flow", "mapless"])
  }

  @Test(
    .enabled(if: sharedAreThere),
    arguments: [
      "bert", "deit", "dinov2", "distilbert", "gpt2", "gpt_neox", "llama", "opt", "qwen2", "qwen3",
      "roberta", "vit",
    ])
  func `known arrays of each architecture import without a map`(_ name: String) throws {
    let file = Self.shared + "/\(name)/ref.npz"
    try succeed("isotherm", ["import", file, "--preset", "huggingface", "-o", "x"])
    let same = try script("known", file, "x.h5")
    #expect(same.status == 0, "\(same.output) \(same.errors)")
    try succeed("isotherm-analyze", ["flow", "x"])
    try succeed("isotherm", ["fit", "x", "-o", "f"] + Self.fit)
    let check = try succeed("isotherm-archive", ["check", "x"])
    #expect(check.output.contains("0 findings"))
  }
}
