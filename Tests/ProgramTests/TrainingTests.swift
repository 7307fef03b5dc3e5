import Archive
import Foundation
import Testing

/// What `isotherm train` does beyond the demo's study: text, every tap, checkpoints within an epoch, stopping early, divergence.
@Suite struct TrainingTests {
  private let tiny = [
    "model.width=16", "model.layers=2", "model.mlp=32", "model.heads=2", "data.tokens=24",
    "data.vocabulary=300", "training.epochs=1", "training.batch=128",
    "capture.samples=8", "capture.taps=[residual.0.pre, residual.*.post]",
  ].flatMap { ["--set", $0] }

  private func train(_ study: String, _ settings: [String], out: String, _ more: [String] = [])
    throws -> Programs.Outcome
  {
    try Programs.run(
      "isotherm",
      ["train", "data/studies/" + study, "-o", out] + settings.flatMap { ["--set", $0] } + more)
  }

  @Test func `novels are told apart, and the archive holds tokens, text and tokenizer`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try Programs.run(
      "isotherm", ["train", "data/studies/austen-novels.yaml", "-o", folder + "/r"] + tiny)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("passages have more than 24 tokens and are cut"))
    let reader = try RunReader(folder + "/r")
    let tokens: [Int32] = try reader.read("/samples/token").elements
    let lengths: [Int32] = try reader.read("/samples/length").elements
    #expect(tokens.count == 8 * 24 && lengths.allSatisfy { (1...24).contains($0) })
    #expect(tokens.allSatisfy { (0..<300).contains($0) })
    #expect(try reader.readTexts("/samples/text").allSatisfy { !$0.isEmpty })
    #expect(try reader.describe("/tokenizer/merges").shape == [44, 2])
    let check = try Programs.run("isotherm-archive", ["check", folder + "/r"])
    #expect(check.status == 0, "\(check.output)")
    let inform = try Programs.run(
      "isotherm",
      ["inform", folder + "/r", "-o", folder + "/i", "--set", "information.resamples=10"])
    #expect(inform.status == 0, "\(inform.errors)")
    let flow = try Programs.run("isotherm-analyze", ["flow", folder + "/r"])
    #expect(flow.status == 0 && flow.output.contains("padding counts as 0"), "\(flow.errors)")
  }

  @Test func `equations are fitted to text, judged without padding, and trained on its task`()
    throws
  {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (study, isCausal) in [("austen-novels.yaml", false), ("austen-next.yaml", true)] {
      let outcome = try Programs.run(
        "isotherm",
        ["train", "data/studies/" + study, "-o", folder + "/r", "--force"] + tiny
          + ["--set", #"capture.taps=["residual.0.pre", "residual.*.post", "attention.*.map"]"#])
      try #require(outcome.status == 0, "\(outcome.errors)")
      for objective in ["trajectories", "task"] {
        let fit = try Programs.run(
          "isotherm",
          ["fit", folder + "/r", "-o", folder + "/f", "--force"]
            + [
              "pde.objective=\(objective)", "pde.samples=64", "pde.epochs=2",
              "pde.models=[diffusion, autonomous]", "pde.stepper=lie",
            ].flatMap { ["--set", $0] })
        try #require(fit.status == 0, "\(fit.errors)")
        let (run, fields) = (try RunReader(folder + "/r"), try RunReader(folder + "/f"))
        #expect(try fields.describe("/fields/autonomous/u").shape == [3, 8, 24, 16])
        let u: [Float] = try fields.read("/fields/autonomous/u").elements
        let lengths: [Int32] = try run.read("/samples/length").elements
        for sample in 0..<8 where lengths[sample] < 24 {
          let own = (sample * 24 + Int(lengths[sample])) * 16
          #expect(u[own..<(sample + 1) * 24 * 16].allSatisfy { $0 == 0 })
        }
        let map: [Float] = try fields.read("/fields/autonomous/attention").elements
        #expect(map.count == 2 * 8 * 2 * 24 * 24)
        if isCausal { #expect((1..<24).allSatisfy { map[$0] == 0 }) }
        let sizes = try fields.read("/fields/autonomous/term_size", as: Double.self).elements
        #expect(sizes.count == 3 * 2 * 8 && sizes.allSatisfy { $0 > 0 && $0.isFinite })
        let path = "/fields/autonomous/state_error"
        #expect(fields.contains(path) == (objective == "trajectories"))
        if objective == "trajectories" {
          let errors = try fields.read(path, as: Double.self)
          #expect(errors.shape == [3, 8] && errors.row(0).elements.allSatisfy { $0 == 0 })
          #expect(errors.row(2).elements.allSatisfy { $0 > 0 })
        }
        if objective == "task" {
          let loss = try fields.read("/progress/autonomous/task_loss", as: Double.self).elements
          #expect(loss.suffix(3).reduce(0, +) < loss.prefix(3).reduce(0, +), "\(loss)")
          #expect(fit.errors.contains("autonomous on the task: test accuracy"))
        }
        for analysis in ["attention", "flow"] {
          let report = try Programs.run(
            "isotherm-analyze", [analysis, folder + "/r", folder + "/f"])
          #expect(report.status == 0 && report.output.contains("autonomous"), "\(report.errors)")
        }
      }
    }
  }

  @Test func `the next token is learned, bits per character beside n-grams`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try Programs.run(
      "isotherm",
      ["train", "data/studies/austen-next.yaml", "-o", folder + "/r", "--json"] + tiny
        + ["--set", "data.tokens=64", "--set", "training.rate=1e-2"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("bits per character over bytes"))
    let reader = try RunReader(folder + "/r")
    let bits = try reader.read("/checkpoints/test_bits_per_character", as: Double.self).elements
    // Untrained, a token costs log2(300) bits; one epoch of a toy network already beats single tokens.
    let grams = try reader.read(
      "/reference/token_ngram_bits_per_character", as: Double.self
    ).elements
    #expect(grams.count == 5 && grams == grams.sorted(by: >))
    #expect(bits[0] > 4 && bits[1] < grams[0], "\(bits) against \(grams)")
    let printed = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(abs((printed["bits_per_character"] as? Double ?? 0) - bits[1]) < 1e-12)
  }

  @Test func `every tap and its gradient is captured, and capture changes no weight`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let settings = [
      "model.width=16", "model.layers=2", "model.mlp=32", "model.heads=4", "model.kv_heads=2",
      "training.epochs=1", "training.batch=1000", "capture.samples=20",
    ]
    let all = try train(
      "fashion-mnist.yaml", settings + [#"capture.taps=["*", "gradient.*"]"#], out: folder + "/all")
    try #require(all.status == 0, "\(all.errors)")
    let none = try train(
      "fashion-mnist.yaml", settings + ["capture.taps=[logits]"], out: folder + "/none")
    try #require(none.status == 0, "\(none.errors)")
    let (a, b) = (try RunReader(folder + "/all"), try RunReader(folder + "/none"))
    for path in try a.paths(below: "/checkpoints") where !path.hasSuffix("seconds") {
      #expect(
        try a.attribute(path, "logical_sha256")?.text == b.attribute(path, "logical_sha256")?.text,
        "\(path)")
    }
    #expect(try a.describe("/activations/attention.0.keys/values").shape == [2, 20, 2, 49, 4])
    #expect(
      try a.describe("/gradients/gradient.attention.1.map/values").shape == [2, 20, 4, 49, 49])
    // The gradient by the logits is softmax minus the class.
    let logits: [Float] = try a.read("/activations/logits/values").elements
    let slopes: [Float] = try a.read("/gradients/gradient.logits/values").elements
    let labels: [Int32] = try a.read("/samples/label").elements
    for row in 0..<40 {
      let z = logits[row * 10..<row * 10 + 10].map { Double($0) }
      let sum = z.map(exp).reduce(0, +)
      for c in 0..<10 {
        let expected = exp(z[c]) / sum - (Int(labels[row % 20]) == c ? 1 : 0)
        #expect(abs(Double(slopes[row * 10 + c]) - expected) < 1e-5)
      }
    }
  }

  @Test func `a tap's gradient is what a small change there does to the loss`() throws {
    // The stream before layer 0 is the patches' embedding plus positions: its gradient, summed over samples, is that of the positions.
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try train(
      "fashion-mnist.yaml",
      [
        "model.width=16", "model.layers=2", "model.mlp=32", "model.heads=2", "training.epochs=1",
        "training.batch=10000", "training.rate=0", "capture.samples=2000",
        "capture.taps=[gradient.residual.0.pre, gradient.residual.0.post, gradient.residual.1.pre]",
      ], out: folder + "/r")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let reader = try RunReader(folder + "/r")
    let post: [Float] = try reader.read("/gradients/gradient.residual.0.post/values").elements
    let pre: [Float] = try reader.read("/gradients/gradient.residual.1.pre/values").elements
    let first: [Float] = try reader.read("/gradients/gradient.residual.0.pre/values").elements
    #expect(post == pre && first != post && first.contains { $0 != 0 })
  }

  @Test func `checkpoints within an epoch are resumed to the same bits`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let arguments =
      ["train", Programs.study] + Programs.small
      + [
        "capture.every=3", "training.batch=250", "training.epochs=2", "model.dropout=0.1",
        "training.validation=0.1", "capture.samples=4", "capture.taps=[logits]",
      ].flatMap { ["--set", $0] }
    let whole = try Programs.run("isotherm", arguments + ["-o", folder + "/whole"])
    try #require(whole.status == 0, "\(whole.errors)")
    let steps = try RunReader(folder + "/whole").read("/checkpoints/step", as: Int32.self).elements
    #expect(steps.prefix(4) == [0, 3, 6, 9] && steps.last == 72)
    let out = folder + "/killed"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
    process.arguments = arguments + ["-o", out, "--commit-seconds", "0.01"]
    process.currentDirectoryURL = URL(fileURLWithPath: Programs.root)
    (process.standardError, process.standardOutput) = (Pipe(), Pipe())
    try process.run()
    while process.isRunning {
      if let rows = try? RunReader(out + ".run").read("/checkpoints/step", as: Int32.self),
        rows.elements.count > 5
      {
        break
      }
      usleep(5000)
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let resumed = try Programs.run("isotherm", arguments + ["-o", out, "--resume"])
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(try RunReader(out).logicalHash() == RunReader(folder + "/whole").logicalHash())
  }

  @Test func `training stops early by samples it never trains on, and the best can be exported`()
    throws
  {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let settings = [
      "model.width=16", "model.layers=1", "model.mlp=32", "model.heads=2", "training.epochs=30",
      "training.batch=500", "training.rate=0.05", "training.schedule=constant",
      "training.validation=0.05", "training.patience=2", "capture.samples=1",
      "capture.taps=[logits]",
    ]
    let outcome = try train("fashion-mnist.yaml", settings, out: folder + "/r")
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("stopped early"))
    let reader = try RunReader(folder + "/r")
    let losses = try reader.read("/checkpoints/validation_loss", as: Double.self).elements
    #expect(losses.count < 31)
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
    #expect(best == losses.count - 3)
    for (name, out) in [("best", "a.npz"), ("\(best)", "b.npz")] {
      let export = try Programs.run(
        "isotherm-archive",
        ["export", folder + "/r", "--to", "npz", "--checkpoint", name, "-o", folder + "/" + out])
      #expect(export.status == 0, "\(export.errors)")
    }
    let files = try ["a.npz", "b.npz"].map {
      try Data(contentsOf: URL(fileURLWithPath: folder + "/" + $0))
    }
    #expect(files[0] == files[1])
    let refused = try train(
      "fashion-mnist.yaml", ["training.patience=2"], out: folder + "/refused")
    #expect(refused.status == 2 && refused.errors.contains("set training.validation"))
  }

  @Test func `a run that diverges names step and layer, and keeps its checkpoints`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try train(
      "fashion-mnist.yaml",
      [
        "model.width=16", "model.layers=3", "model.mlp=32", "model.heads=2", "model.norm=none",
        "training.rate=100", "training.clip=1e12", "training.optimizer=sgd", "training.batch=500",
        "training.warmup=0", "capture.samples=4", "capture.taps=[logits]",
      ], out: folder + "/r")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("training diverged at step"), "\(outcome.errors)")
    #expect(outcome.errors.contains("residual.") || outcome.errors.contains("gradient of"))
    let seal = try Programs.run("isotherm-archive", ["seal", folder + "/r"])
    try #require(seal.status == 0, "\(seal.errors)")
    let steps = try RunReader(folder + "/r").read("/checkpoints/step", as: Int32.self).elements
    #expect(steps.first == 0)
  }

  @Test func `impossible combinations are refused with the reason`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (study, setting, reason) in [
      ("fashion-mnist.yaml", "model.tied=true", "there are none"),
      ("fashion-mnist.yaml", "model.pool=each", "set data.task: next"),
      ("fashion-mnist.yaml", "model.kv_heads=3", "must divide heads"),
      ("fashion-mnist.yaml", "model.refine=[{kind: diffusion, after: 9}]", "layers are 0 to 5"),
      ("austen-next.yaml", "model.refine=[{kind: wave}]", "unstable"),
      ("austen-next.yaml", "model.causal=false", "read its own targets"),
      ("austen-novels.yaml", "data.tokenizer=wordpiece", "vocabulary"),
      ("austen-novels.yaml", "data.patch=4", "unknown key"),
      ("austen-novels.yaml", "data.file=data/fashion-mnist-small.h5", "is it an image set"),
    ] {
      let outcome = try train(study, [setting], out: folder + "/r")
      #expect(
        outcome.status != 0 && outcome.errors.contains(reason), "\(setting): \(outcome.errors)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
    }
  }

  @Test func `a tokenizer stored with the data gives the run it would have learned`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let made = try Programs.run(
      "isotherm",
      ["tokenize", "data/austen-small.h5", "--vocabulary", "300", "-o", folder + "/data", "--json"])
    try #require(made.status == 0, "\(made.errors)")
    let check = try Programs.run("isotherm-archive", ["check", folder + "/data"])
    #expect(check.status == 0, "\(check.output)")
    for (name, more) in [("learned", []), ("stored", ["--set", "data.file=\(folder)/data.h5"])] {
      let outcome = try Programs.run(
        "isotherm",
        ["train", "data/studies/austen-novels.yaml", "-o", "\(folder)/\(name)"] + tiny + more)
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
    let (a, b) = (try RunReader(folder + "/learned"), try RunReader(folder + "/stored"))
    for path in ["/samples/token", "/checkpoints/test_loss", "/tokenizer/merges"] {
      #expect(
        try a.attribute(path, "logical_sha256")?.text == b.attribute(path, "logical_sha256")?.text)
    }
    let other = try Programs.run(
      "isotherm",
      ["train", "data/studies/austen-novels.yaml", "-o", folder + "/x"] + tiny
        + ["--set", "data.file=\(folder)/data.h5", "--set", "data.vocabulary=400"])
    #expect(other.status == 2 && other.errors.contains("tokenizer has 300 tokens"))
  }

  @Test func `each rung of the ladder has more parameters and a smaller error on its fit samples`()
    throws
  {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let run = try Programs.run(
      "isotherm", ["train", Programs.study, "-o", folder + "/r"] + Programs.small)
    try #require(run.status == 0, "\(run.errors)")
    let fit = try Programs.run(
      "isotherm",
      ["fit", folder + "/r", "-o", folder + "/f"]
        + [
          "pde.models=[autonomous, modulated, layerwise]", "pde.epochs=12", "pde.rank=2",
          "pde.degree=1",
        ].flatMap { ["--set", $0] })
    try #require(fit.status == 0, "\(fit.errors)")
    let reader = try RunReader(folder + "/f")
    var counts: [Int] = []
    var errors: [Double] = []
    for model in ["autonomous", "modulated", "layerwise"] {
      let path = "/fields/\(model)/u"
      guard case .integer(let count)? = try reader.attribute(path, "parameter_count") else {
        Issue.record("\(path) has no parameter count")
        continue
      }
      counts.append(Int(count))
      let losses = try reader.read("/progress/\(model)/state_loss", as: Double.self).elements
      errors.append(losses.suffix(2).reduce(0, +))
    }
    #expect(counts == counts.sorted() && Set(counts).count == 3, "\(counts)")
    #expect(errors[2] < errors[0], "\(errors)")
    let analysis = try Programs.run(
      "isotherm-analyze", ["attention", folder + "/r", folder + "/f"])
    #expect(analysis.status == 0 && analysis.output.contains("layerwise"), "\(analysis.errors)")
  }

  @Test func `allocations inside a training step are none`() throws {
    let outcome = try Programs.run(
      "isotherm-bench",
      [
        "train", "--batch", "16", "--tokens", "9", "--width", "16", "--heads", "2", "--layers", "2",
        "--mlp", "32", "--dropout", "0.1",
      ])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let result = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Double])
    #expect(result["allocations_per_step"] == 0)
  }
}
