import Archive
import Foundation
import Testing

/// `heads`, `lens`, `weights --changes` and `evaluate` on imported networks and on a run, from files to figures.
@Suite struct NetworkAnalysisTests {
  private let folder: String
  private static let networks = Programs.root + "/Tests/PretrainedNetworksTests/networks"

  init() throws { folder = try Programs.scratch() }

  private func python(_ script: String) throws -> Programs.Outcome {
    try Programs.run(Programs.root + "/.venv/bin/python", ["-c", script], in: folder)
  }

  private func run(_ program: String, _ arguments: String...) throws -> Programs.Outcome {
    let outcome = try Programs.run(program, arguments, in: folder)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return outcome
  }

  private func rows(_ outcome: Programs.Outcome) throws -> [[String: Any]] {
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    return try #require(json["rows"] as? [[String: Any]])
  }

  /// Imports a GPT-2 of 17 tokens and captures four samples of a sequence that stands twice.
  private func prepare() throws {
    _ = try run("isotherm", "import", Self.networks + "/gpt2-bare", "-o", "net")
    let made = try python(
      """
      import h5py, numpy
      ids = numpy.random.default_rng(1).integers(0, 17, (4, 4))
      with h5py.File("ids.h5", "w") as file:
          file["ids"] = numpy.concatenate([ids, ids], 1)
          file["beyond"] = numpy.where(file["ids"][()] == file["ids"][2, 1], 17, file["ids"][()])
      """)
    try #require(made.status == 0, "\(made.errors)")
    _ = try run("isotherm", "capture", "net", "--tokens", "ids.h5:/ids", "-o", "c")
  }

  @Test func `heads of an imported network and of its capture have scores and nulls`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try prepare()
    let rows = try rows(
      run("isotherm-analyze", "heads", "net", "c", "--json", "-o", "heads"))
    // Two layers of three heads; the capture is of this network.
    #expect(rows.count == 6 && rows.allSatisfy { $0["file"] as? String == "net.h5 + c.h5" })
    let weights = try #require(rows.first)
    #expect(abs(weights["ov_copying"] as? Double ?? 2) <= 1)
    #expect(weights["ov_copying_null"] as? Double ?? 0 > 0)
    let maps = try #require(rows.last)
    for key in ["induction", "previous", "first"] {
      #expect((0...1).contains(try #require(maps[key] as? Double)), "\(key)")
      #expect((0...1).contains(try #require(maps[key + "_null"] as? Double)), "\(key)")
    }
    let sum: Double = (4..<8).reduce(0.0) { $0 + 1 / Double($1 + 1) }
    let null = maps["induction_null"] as? Double ?? 0
    #expect(abs(null - sum / 4) < 1e-9)
    _ = try run("isotherm-plot", "heads", "heads.h5", "-o", "heads.png")
    _ = try run("isotherm-plot", "composition", "heads.h5", "-o", "composition.png")
    let csv = try run("isotherm-analyze", "heads", "c", "--csv")
    #expect(csv.output.hasPrefix("file,checkpoint,layer,head,previous,"))
    let refused = try Programs.run("isotherm-analyze", ["heads", "heads"], in: folder)
    #expect(refused.status != 0 && refused.errorLines.count == 1, "\(refused.errors)")
  }

  @Test func `the lens at the last layer gives the scores that were captured`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try prepare()
    let outcome = try run("isotherm-analyze", "lens", "c", "--json", "-o", "lens")
    let rows = try rows(outcome)
    #expect(rows.count == 3 && rows[0]["tap"] as? String == "residual.0.pre")
    #expect(outcome.output.contains("At the last layer the lens gives the captured scores to"))
    // The loss from the captured scores themselves.
    let known = try python(
      """
      import h5py, numpy
      with h5py.File("c.h5") as file:
          z, t = file["activations/logits/values"][0].astype(float), file["samples/token"][()]
      p = z - numpy.log(numpy.exp(z).sum(-1, keepdims=True))
      print(-numpy.take_along_axis(p[:, :-1], t[:, 1:, None], 2).mean())
      """)
    let loss = try #require(Double(known.output.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(abs(loss - (rows[2]["loss"] as? Double ?? 0)) < 1e-5)
    _ = try run("isotherm-plot", "lens", "lens.h5", "-o", "lens.png", "--sample", "2")
    let evaluated = try self.rows(
      run("isotherm", "evaluate", "net", "--tokens", "ids.h5:/ids", "--json"))
    #expect(abs(loss - (evaluated[0]["loss"] as? Double ?? 0)) < 1e-5)
    #expect(evaluated.map { $0["weights"] as? String } == ["network", "shuffled", "untrained"])
    // Elsewhere the network is not found by itself.
    try FileManager.default.moveItem(atPath: folder + "/net.h5", toPath: folder + "/moved.h5")
    let lost = try Programs.run("isotherm-analyze", ["lens", "c"], in: folder)
    #expect(lost.status != 0 && lost.errors.contains("name its archive too"), "\(lost.errors)")
    _ = try run("isotherm-analyze", "lens", "c", "moved")
  }

  /// A tied Llama, an OPT that projects its states before the scores, a BERT whose head has another activation than the lens knows.
  @Test(arguments: ["llama-linear", "opt-post", "bert-relu"])
  func `the lens knows the heads of other networks, or says that it does not`(_ name: String) throws
  {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try run("isotherm", "import", Self.networks + "/" + name, "-o", "net")
    let input = try Programs.run(
      Programs.root + "/.venv/bin/python",
      [
        "-c", "import numpy, sys; print(*numpy.load(sys.argv[1]).files)",
        Self.networks + "/\(name)/ref.npz",
      ])
    let array = input.output.contains("input_ids") ? "input_ids" : "input"
    let file = Self.networks + "/\(name)/ref.npz"
    _ = try run("isotherm", "capture", "net", "--tokens", "\(file):\(array)", "-o", "c")
    let outcome = try Programs.run("isotherm-analyze", ["lens", "c", "--json"], in: folder)
    guard name != "bert-relu" else {
      #expect(outcome.status == 1 && outcome.errors.contains("where only gelu is understood"))
      return
    }
    try #require(outcome.status == 0, "\(outcome.errors)")
    let words = "At the last layer the lens gives the captured scores to "
    let after = try #require(outcome.output.range(of: words)).upperBound
    let number = outcome.output[after...].prefix { $0 != " " }
    #expect(try #require(Double(String(number))) < 1e-5)
  }

  @Test func `a run's checkpoints have changes, barriers and an untrained null`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let trained = try Programs.run(
      "isotherm", ["train", Programs.study] + Programs.small + ["-o", folder + "/r"])
    try #require(trained.status == 0, "\(trained.errors)")
    let changes = try rows(
      run("isotherm-analyze", "weights", "r", "--changes", "--json", "-o", "changes"))
    #expect(changes.allSatisfy { $0["drift"] as? Double ?? 0 > 0 })
    _ = try run("isotherm-plot", "checkpoint-cka", "changes.h5", "-o", "cka.png")
    _ = try run("isotherm-plot", "weights-map", "changes.h5", "-o", "map.png")
    let reader = try RunReader(folder + "/r")
    let test = try reader.read("/checkpoints/test_loss", as: Double.self).elements
    let barrier = try rows(
      run(
        "isotherm", "evaluate", "r", "--against-checkpoint", "0", "--points", "3", "--json", "-o",
        "barrier"))
    #expect(barrier.count == 5)
    #expect(abs((barrier[0]["loss"] as? Double ?? 0) - (test.last ?? 1)) < 1e-5)
    #expect(abs((barrier[2]["loss"] as? Double ?? 0) - (test.first ?? 1)) < 1e-5)
    // The untrained network is the first checkpoint, to the bit.
    #expect(barrier[4]["loss"] as? Double == barrier[2]["loss"] as? Double)
    _ = try run("isotherm-plot", "barrier", "barrier.h5", "-o", "barrier.png")
    _ = try run("isotherm-analyze", "weights", "r", "-o", "weights")
    _ = try run("isotherm-plot", "singular-values", "weights.h5", "-o", "values.png")
    let heads = try rows(run("isotherm-analyze", "heads", "r", "--json"))
    #expect(heads.count == 4 && heads[0]["ov_copying_untrained"] is Double)
    #expect(heads[0]["previous_untrained"] is Double)
    let lens = try rows(run("isotherm-analyze", "lens", "r", "--json"))
    #expect(lens.count == 3 && lens.allSatisfy { $0["loss_untrained"] is Double })
    let drawn = try run("isotherm-plot", "verify", "barrier.png")
    #expect(drawn.status == 0)
  }

  @Test func `a network without scores, answers or a second of its shape is refused`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try prepare()
    _ = try run("isotherm", "import", Self.networks + "/bert-bare", "-o", "bert")
    _ = try run("isotherm", "import", Self.networks + "/qwen2-untied", "-o", "other")
    for (arguments, words) in [
      (["evaluate", "bert", "--tokens", "ids.h5:/ids"], "gives scores of tokens or classes"),
      (["evaluate", "net"], "--tokens or --images"),
      (["evaluate", "net", "--tokens", "ids.h5:/ids", "--against", "other"], "another"),
      (["evaluate", "net", "--tokens", "ids.h5:/ids", "--checkpoint", "4"], "numbered from 0"),
      (
        ["evaluate", "net", "--tokens", "ids.h5:/ids", "--against-checkpoint", "4"],
        "--against-checkpoint 4"
      ),
      (["evaluate", "net", "--tokens", "ids.h5:/ids", "--targets", "ids.h5:/beyond"], "found 17"),
    ] {
      let outcome = try Programs.run("isotherm", arguments, in: folder)
      #expect(outcome.status != 0 && outcome.errors.contains(words), "\(outcome.errors)")
    }
    let single = try rows(
      run("isotherm", "evaluate", "net", "--tokens", "ids.h5:/ids", "--samples", "3:4", "--json"))
    #expect(single[1]["weights"] as? String == "shuffled" && single[1]["loss"] as? Double == nil)
    let lens = try Programs.run("isotherm-analyze", ["lens", "c", "other"], in: folder)
    #expect(lens.status != 0 && lens.errors.contains("was not captured from"), "\(lens.errors)")
    // A BERT without its head, though its configuration ties scores to the embedding.
    _ = try run("isotherm", "capture", "bert", "--tokens", "ids.h5:/ids", "-o", "states")
    let bare = try Programs.run("isotherm-analyze", ["lens", "states"], in: folder)
    #expect(bare.status != 0 && bare.errors.contains("found a bert without them"))
  }
}
