import Archive
import Foundation
import Testing

/// Archives explain themselves: `tools/rebuild.py`, which knows the file alone, comes to the same numbers.
@Suite struct RebuildTests {
  /// A network, and the fits made from it.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    /// Whether samples are passages; the next token is predicted where `isNext`.
    var isText = false
    var isNext = false
    var settings: [String] = []
    var fits: [[String]] = [[]]
    var testDescription: String { name }
  }

  private static let steppers = ["euler", "heun", "rk4", "lie"].map {
    ["pde.stepper=\($0)", "pde.substeps=2"]
  }
  private static let edges = ["neumann", "periodic", "dirichlet"].map { ["pde.boundary=\($0)"] }

  /// One of each sort.
  private static let few: [Case] = [
    Case(
      name: "plain", fits: [["pde.stepper=lie"], ["pde.stepper=rk4", "pde.boundary=dirichlet"]]),
    Case(
      name: "post-norm, class token, rotary, shared keys, dropout",
      settings: [
        "model.norm=post", "model.pool=class", "model.positions=rotary", "model.width=16",
        "model.heads=4", "model.kv_heads=2", "model.dropout=0.2", "training.accumulate=2",
      ]),
    Case(
      name: "padding and refinement", isText: true,
      settings: ["model.refine=[{kind: wave, after: 0, steps: 2}]", "training.optimizer=sgd"]),
    Case(
      name: "next token", isText: true, isNext: true,
      settings: ["model.norm_kind=rms", "model.activation=swiglu", "model.tied=true"]),
  ]

  private static func one(_ setting: String, fits: [[String]] = [[]]) -> Case {
    Case(name: setting, settings: [setting], fits: fits)
  }

  /// Every choice of every setting, alone and in the combinations that meet.
  private static var all: [Case] {
    var cases = few
    cases.append(Case(name: "every stepper and edge", fits: steppers + edges))
    cases += [
      "model.norm=post", "model.norm=none", "model.norm_kind=rms", "model.residual=false",
      "model.positions=sinusoidal", "model.positions=rotary", "model.positions=none",
      "model.activation=relu", "model.activation=swiglu", "model.causal=true", "model.dropout=0.3",
      "training.optimizer=sgd", "training.label_smoothing=0.1", "training.schedule=linear",
      "training.schedule=constant", "training.validation=0.1",
    ].map { one($0) }
    cases.append(one("model.pool=class", fits: edges))
    cases.append(one("pde.objective=task", fits: [["pde.objective=task"]]))
    cases.append(
      Case(
        name: "bottleneck",
        settings: ["training.bottleneck_layer=0", "training.bottleneck_weight=0.01"]))
    cases.append(Case(name: "shared keys", settings: ["model.heads=4", "model.kv_heads=1"]))
    for kind in ["diffusion", "wave", "reaction-diffusion", "advection-diffusion"] {
      let refinement =
        "model.refine=[{kind: \(kind), after: embedding, steps: 3}, {kind: \(kind), after: 1, steps: 2}]"
      cases.append(one(refinement))
      cases.append(Case(name: kind + ", class", settings: [refinement, "model.pool=class"]))
      cases.append(Case(name: kind + ", padding", isText: true, settings: [refinement]))
      if kind != "wave" {
        cases.append(
          Case(name: kind + ", next", isText: true, isNext: true, settings: [refinement]))
      }
    }
    cases.append(Case(name: "padding", isText: true, fits: steppers))
    cases.append(Case(name: "next", isText: true, isNext: true, fits: steppers))
    cases += [
      ["model.pool=class", "model.positions=rotary"], ["model.causal=true"],
      ["data.tokenizer=bytes"], ["data.tokenizer=wordpiece", "data.vocabulary_file=VOCABULARY"],
    ].map { Case(name: "text, " + $0[0], isText: true, settings: $0) }
    return cases
  }

  private static let isLong = ProcessInfo.processInfo.environment["ISOTHERM_LONG"] == "1"
  private static let script = Programs.root + "/tools/rebuild.py"

  private static func study(_ folder: String, _ one: Case) throws -> String {
    try SmallData.images(folder + "/d.h5")
    try SmallData.passages(folder + "/t.h5", shortest: 2)
    try SmallData.vocabulary(folder + "/v.txt")
    let data =
      one.isText
      ? "{modality: text, file: \"\(folder)/t.h5\", tokens: 16, vocabulary: 270, "
        + "task: \(one.isNext ? "next" : "label")}"
      : "{modality: image, file: \"\(folder)/d.h5\", patch: 2}"
    let path = folder + "/study.yaml"
    try """
    title: rebuilt
    seed: 3
    data: \(data)
    model: {width: 8, heads: 2, layers: 2, mlp: 16}
    training: {epochs: 1, batch: 32, rate: 1e-3}
    capture: {taps: ["*", "gradient.*"], samples: 12, every: 1}
    pde: {models: [persistence, diffusion, autonomous, modulated, layerwise], samples: 16, epochs: 2, rank: 2, degree: 3}
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func run(_ program: String, _ arguments: [String]) throws {
    let outcome = try Programs.run(program, arguments)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
  }

  private func rebuild(_ files: [String]) throws -> Programs.Outcome {
    try Programs.run(Programs.root + "/.venv/bin/python", [Self.script] + files)
  }

  /// Trains and fits; returns the files.
  private func make(_ one: Case, _ folder: String) throws -> [String] {
    let run = folder + "/run"
    let settings = one.settings.map {
      $0.replacingOccurrences(of: "VOCABULARY", with: folder + "/v.txt")
    }.filter { !$0.hasPrefix("pde.") }
    try self.run(
      "isotherm",
      ["train", Self.study(folder, one), "-o", run] + settings.flatMap { ["--set", $0] })
    var files = [run + ".h5"]
    for (index, fit) in one.fits.enumerated() {
      let fields = "\(folder)/fields\(index)"
      try self.run("isotherm", ["fit", run, "-o", fields] + fit.flatMap { ["--set", $0] })
      files.append(fields + ".h5")
    }
    return files
  }

  @Test(arguments: isLong ? all : few)
  func `numbers computed from the file alone are those of the file`(one: Case) throws {
    try withScratch { folder in
      let files = try make(one, folder)
      let outcome = try rebuild(files)
      #expect(outcome.status == 0, "\(one.settings): \(outcome.output)\(outcome.errors)")
      #expect(outcome.output.contains("weights after step 1") && outcome.output.contains(": u"))
      if Self.isLong {
        let rows = outcome.output.split(separator: "\n").filter { $0.hasPrefix("  ") }
        let largest = rows.max {
          (Double($0.split(separator: " ")[0]) ?? 0) < (Double($1.split(separator: " ")[0]) ?? 0)
        }
        print("rebuilt \(one.name): \(rows.count) comparisons, the largest\(largest ?? "")")
      }
    }
  }

  @Test func `what is said otherwise than it was done is found out`() throws {
    try withScratch { folder in
      let files = try make(Self.few[1], folder)
      let edit = """
        import h5py, sys
        with h5py.File(sys.argv[1], "r+") as f:
            attributes = f["explanation/" + sys.argv[2]].attrs
            attributes[sys.argv[3]] = type(attributes[sys.argv[3]])(float(sys.argv[4]))
        """
      for (file, part, name, value) in [
        (0, "network", "norm_epsilon", "1e-3"), (0, "network", "position_base", "9000"),
        (0, "network", "dropout", "0.1"), (0, "optimizer", "beta1_rounded", "0.8"),
        (0, "optimizer", "warmup", "0.9"), (0, "random", "purpose_shuffling", "4"),
        (0, "random", "purpose_dropout", "5"), (0, "random", "shards", "4"),
        (0, "input", "pixel_mean", "0.3"), (1, "equation", "spacing", "2"),
        (1, "equation", "degree", "2"), (1, "equation", "substeps", "2"),
      ] {
        let copy = folder + "/said.h5"
        try? FileManager.default.removeItem(atPath: copy)
        try FileManager.default.copyItem(atPath: files[file], toPath: copy)
        try run(Programs.root + "/.venv/bin/python", ["-c", edit, copy, part, name, value])
        let outcome = try rebuild([copy])
        #expect(outcome.status == 1, "\(part) \(name): \(outcome.output)\(outcome.errors)")
      }
    }
  }

  @Test func `the explanation goes wherever the archive goes`() throws {
    try withScratch { folder in
      let files = try make(Case(name: "plain"), folder)
      let (run, repacked, part) = (files[0], folder + "/repacked.h5", folder + "/part.h5")
      let merged = folder + "/merged.h5"
      try self.run("isotherm-archive", ["repack", run, "-o", repacked, "--compression", "gzip-4"])
      try self.run("isotherm-archive", ["repack", run, "-o", part, "--select", "/samples/*"])
      try self.run("isotherm-archive", ["export", run, "--to", "netcdf", "-o", folder + "/run.nc"])
      try self.run("isotherm-archive", ["merge", run, run, "-o", merged])
      try self.run("isotherm-archive", ["diff", run, repacked])
      for file in files + [repacked, merged] { try self.run("isotherm-archive", ["check", file]) }
      #expect(try rebuild([repacked]).status == 0)
      let words = try Programs.run("isotherm-archive", ["ls", run, "--explanation"])
      #expect(words.status == 0 && words.output.contains("Philox 4x32-10"))
      for file in [repacked, part, merged, folder + "/run.nc"] {
        let others = try Programs.run("isotherm-archive", ["ls", file, "--explanation"])
        #expect(others.output == words.output, "\(file)")
        // The constants are with the words.
        let constants = try RunReader(file).attribute("/explanation/network", "norm_epsilon")
        #expect(constants?.real == 1e-5, "\(file)")
      }
      let list = try Programs.run("isotherm-archive", ["ls", run])
      #expect(!list.output.contains("/explanation") && list.output.contains("/first_steps/place"))
    }
  }

  @Test func `an archive that explains nothing is refused in one line`() throws {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5")
      let outcome = try rebuild([folder + "/d.h5"])
      #expect(outcome.status == 1 && outcome.errors.contains("explains nothing"))
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
    }
  }
}
