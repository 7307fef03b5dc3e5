import Archive
import Foundation
import Testing

/// `isotherm import --preset`, `--map`: arrays that others saved become runs, or are refused by one line.
@Suite struct SavedArraysTests {
  private let folder: String
  static let script = Programs.root + "/Tests/ProgramTests/saved-arrays.py"

  init() throws { folder = try Programs.scratch() }

  private func make(_ kind: String, _ file: String) throws {
    let made = try Programs.run(
      Programs.root + "/.venv/bin/python", [Self.script, kind, file], in: folder)
    try #require(made.status == 0, "\(kind): \(made.errors)")
  }

  private func run(_ program: String, _ arguments: [String]) throws -> Programs.Outcome {
    try Programs.run(program, arguments, in: folder)
  }

  private func values(_ name: String, _ path: String) throws -> [Float] {
    try RunReader(folder + "/" + name).read(path, as: Float.self).elements
  }

  @Test func `arrays under the names of each library become the same run`() throws {
    for (kind, file, preset) in [
      ("good", "good.npz", "huggingface"), ("dotted", "dotted.npz", "huggingface"),
      ("good", "packed.npz", "huggingface"), ("good", "good.h5", "huggingface"),
      ("good", "good.safetensors", "huggingface"),
      ("transformerlens", "hooks.npz", "transformerlens"), ("nnsight", "modules.npz", "nnsight"),
    ] {
      try make(kind, file)
      let outcome = try run(
        "isotherm", ["import", file, "--preset", preset, "-o", "x", "--force"])
      try #require(outcome.status == 0, "\(file): \(outcome.errors)")
      if file == "good.npz" {
        try FileManager.default.copyItem(atPath: folder + "/x.h5", toPath: folder + "/first.h5")
      }
      let reader = try RunReader(folder + "/x")
      #expect(try reader.residualTaps().count == 4 && reader.attentionLayers() == [0, 1, 2])
      for path in try reader.paths() where path.hasSuffix("/values") || path.hasPrefix("/samples") {
        #expect(try values("x", path) == values("first", path), "\(file): \(path)")
      }
      #expect(try reader.sources().first?.sha256 == LogicalHash.sha256(ofFile: folder + "/" + file))
      let check = try run("isotherm-archive", ["check", "x"])
      #expect(check.status == 0 && check.output.contains("0 findings"), "\(check.output)")
    }
    let reader = try RunReader(folder + "/first")
    let map = try reader.describe("/attention/attention.1.map/values")
    #expect(map.shape == [1, 24, 2, 6, 6])
    #expect(map.axes.map(\.name) == ["checkpoint", "sample", "head", "query", "key"])
    #expect(try reader.read("/samples/split", as: UInt8.self).elements.reduce(0, +) == 6)
    #expect(try reader.read("/samples/label", as: Int32.self).elements.prefix(4) == [0, 1, 2, 0])
  }

  @Test func `arrays of files of their own come together`() throws {
    try FileManager.default.createDirectory(
      atPath: folder + "/all", withIntermediateDirectories: true)
    try make("good", "all/")
    try make("good", "good.npz")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/all").sorted()
    for (files, name) in [(names.map { "all/" + $0 }, "x"), (["good.npz"], "y")] {
      let outcome = try run(
        "isotherm", ["import"] + files + ["--preset", "huggingface", "-o", name])
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
    for path in ["/activations/residual.2.post/values", "/attention/attention.2.map/values"] {
      #expect(try values("x", path) == values("y", path))
    }
  }

  @Test func `batches and checkpoints are joined as they are asked to be`() throws {
    try make("good", "a.npz")
    try make("noisy", "b.npz")
    let without = try run(
      "isotherm", ["import", "a.npz", "b.npz", "--preset", "huggingface", "-o", "x"])
    #expect(without.status == 2 && without.errors.contains("--join samples"), "\(without.errors)")
    for (join, shape) in [("samples", [1, 48, 6, 8]), ("checkpoints", [2, 24, 6, 8])] {
      let outcome = try run(
        "isotherm",
        ["import", "a.npz", "b.npz", "--preset", "huggingface", "--join", join, "-o", join])
      try #require(outcome.status == 0, "\(outcome.errors)")
      let reader = try RunReader(folder + "/" + join)
      #expect(try reader.describe("/activations/residual.1.post/values").shape == shape)
      let check = try run("isotherm-archive", ["check", join])
      #expect(check.status == 0, "\(check.output)")
    }
    let (both, one) = (
      try values("samples", "/activations/residual.1.post/values"),
      try values("checkpoints", "/activations/residual.1.post/values")
    )
    #expect(both == one)
  }

  @Test func `a map says what arrays of any names and axes stand for`() throws {
    try make("stacked", "s.npz")
    try make("good", "good.npz")
    try """
    arrays:
      acts: {role: state, axes: [depth, position, sample, channel]}
      probs: {role: attention}
      ids: {role: tokens}
    final_norm: not_applied
    """.write(toFile: folder + "/map.yaml", atomically: true, encoding: .utf8)
    let dry = try run("isotherm", ["import", "s.npz", "--map", "map.yaml", "--dry-run"])
    #expect(dry.status == 0 && dry.output.contains("/activations/residual.2.post/values"))
    #expect(dry.output.contains("s.npz:extra") && dry.output.contains("left over"))
    for (arguments, name) in [
      (["s.npz", "--map", "map.yaml"], "x"), (["good.npz", "--preset", "huggingface"], "y"),
    ] {
      let outcome = try run("isotherm", ["import"] + arguments + ["-o", name])
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
    for path in ["/activations/residual.2.post/values", "/attention/attention.2.map/values"] {
      #expect(try values("x", path) == values("y", path))
    }
    #expect(
      try RunReader(folder + "/x").attribute("/activations/residual.2.post/values", "final_norm")
        == .text("not_applied"))
    for (text, words) in [
      ("arrays: {a: {rule: state}}", "role: is missing"),
      ("arrays: {a: {role: stat}}", "expected state"),
      ("arrays: {'{place}': {role: state}}", "{layer}"), ("preset: torch", "huggingface"),
      ("arrays: {acts: {role: state, axes: [sample, channel]}}", "axes:"),
      ("arrays: {}", "names no array"),
      ("[1", "not YAML"), ("arrays: {nothing: {role: state}}", "no array has a name"),
    ] {
      try text.write(toFile: folder + "/bad.yaml", atomically: true, encoding: .utf8)
      let outcome = try run("isotherm", ["import", "s.npz", "--map", "bad.yaml", "-o", "z"])
      #expect(outcome.status != 0 && outcome.errors.contains(words), "\(text): \(outcome.errors)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder + "/z.h5"))
  }

  @Test(arguments: [
    ("stateless", "depths 1 and 2"), ("empty", "attn_implementation=\"eager\""),
    ("none", "attn_implementation=\"eager\""), ("ragged", "padded to one length"),
    ("objects", "pad them to one"), ("nan", "[3, 2, 1]"), ("infinite", "finite"),
    ("order", "[position, sample, channel]"), ("map-order", "[sample, query, key, head]"),
    ("transposed", "[sample, head, key, query]"), ("scores", "after softmax"),
    ("dropout", "model.eval()"), ("leak", "causal: false"), ("samples", "24 samples"),
    ("twice", "the id 4 at 4 and at 23"), ("mask-values", "1 at tokens and 0 at padding"),
    ("mask-unused", "no weight on padding"), ("all-padding", "all padding"),
    ("foreign", "no array has a name"), ("huge-ids", "2^24"), ("no-samples", "axis of samples"),
    ("complex", "complex"), ("split-values", "0 for samples fitted to"),
    ("split-two", "0 for samples fitted to"), ("negative-ids", "token ids from 0"),
    ("ids-and-mask", "positions"), ("ids-and-targets", "positions"),
    ("logits-short", "6 positions"),
    ("stacked-number", "the number 7"), ("queries-order", "expected 6 positions"),
    ("queries-layer", "a layer of 0 to 2"),
  ])
  func `what is wrong is refused by one line, and nothing is left`(
    _ kind: String, _ words: String
  ) throws {
    try writeMap()
    // Objects and absences are of NumPy's files alone; an empty array of HDF5 has no values that were written.
    let formats = ["objects", "none"].contains(kind) ? ["a.npz"] : ["a.npz", "a.h5"]
    for file in formats {
      try make(kind, file)
      let outcome = try run("isotherm", ["import", file, "--map", "map.yaml", "-o", "x"])
      #expect(outcome.status == 1 || outcome.status == 2)
      #expect(outcome.errors.contains(words), "\(kind), \(file): \(outcome.errors)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(left == (file == "a.h5" ? formats.sorted() : ["a.npz"]) + ["map.yaml"], "\(left)")
    }
  }

  /// The names of transformers, and those of queries, keys and a weight.
  private func writeMap() throws {
    try """
    preset: huggingface
    arrays:
      "q_{layer}": {role: queries}
      "k_{layer}": {role: keys}
      W: {role: parameter}
    """.write(toFile: folder + "/map.yaml", atomically: true, encoding: .utf8)
  }

  @Test(arguments: [
    ("complex-beside", "spectrum"), ("gap", "no states at depth 1:"), ("wide", "int64"),
    ("queries", ""), ("shared-keys", ""), ("mask-alone", ""), ("targets-alone", ""),
    ("mask-and-logits", ""),
  ])
  func `what is odd and right is imported, and said`(_ kind: String, _ words: String) throws {
    try writeMap()
    for file in ["a.npz", "a.h5"] {
      try make(kind, file)
      let outcome = try run(
        "isotherm", ["import", file, "--map", "map.yaml", "-o", "x", "--force"])
      #expect(outcome.status == 0, "\(kind), \(file): \(outcome.errors)")
      let told = outcome.output + outcome.errors
      #expect(words.isEmpty || told.contains(words), "\(kind), \(file): \(told)")
      let check = try run("isotherm-archive", ["check", "x"])
      #expect(check.status == 0 && check.output.contains("0 findings"), "\(check.output)")
    }
  }

  /// What comes with every file is one thing only where it is the same.
  @Test func `files are joined that agree in what they share, and no others`() throws {
    try writeMap()
    for (first, second, join, words) in [
      ("good", "noisy", "checkpoints", ""), ("noisy", "other-labels", "checkpoints", "labels"),
      ("noisy", "other-ids", "checkpoints", "input_ids"),
      ("whole-mask", "other-mask", "checkpoints", "attention_mask"),
      ("weighted", "weighted-noisy", "samples", ""),
      ("weighted", "weighted-other", "samples", "W"), ("good", "good", "samples", "once"),
    ] {
      try make(first, "a.npz")
      try make(second, "b.npz")
      let outcome = try run(
        "isotherm",
        ["import", "a.npz", "b.npz", "--map", "map.yaml", "--join", join, "-o", "x", "--force"])
      #expect((outcome.status == 0) == words.isEmpty, "\(first), \(second): \(outcome.errors)")
      #expect(words.isEmpty || outcome.errors.contains(words), "\(outcome.errors)")
      if first == "weighted", words.isEmpty {
        let reader = try RunReader(folder + "/x")
        #expect(try reader.describe("/checkpoints/parameters/W").shape == [1, 4, 4])
      }
    }
  }

  @Test func `the logits tell whether the last state is behind the final norm`() throws {
    for (kind, said, isRight) in [
      ("logits-applied", "applied", true), ("logits-applied", "not_applied", false),
      ("logits-before", "not_applied", true), ("logits-before", "applied", false),
    ] {
      try make(kind, "a.npz")
      try "preset: huggingface\nfinal_norm: \(said)\n".write(
        toFile: folder + "/map.yaml", atomically: true, encoding: .utf8)
      let outcome = try run(
        "isotherm", ["import", "a.npz", "--map", "map.yaml", "-o", "x", "--force"])
      #expect((outcome.status == 0) == isRight, "\(kind) \(said): \(outcome.errors)")
      if !isRight {
        #expect(outcome.errors.contains("the logits say otherwise"))
        #expect(outcome.errorLines.count == 1)
      }
    }
    try make("logits-before", "a.npz")
    let outcome = try run(
      "isotherm", ["import", "a.npz", "--preset", "huggingface", "--dry-run", "--json"])
    #expect(outcome.output.contains("\"final_norm\" : \"not_applied\""), "\(outcome.output)")
  }

  @Test func `captures without a preset are told from a checkpoint`() throws {
    try make("good", "a.npz")
    for arguments in [["a.npz"], ["a.npz", "--dry-run"]] {
      let outcome = try run("isotherm", ["import"] + arguments + ["-o", "x"])
      #expect(outcome.status == 2 && outcome.errors.contains("--preset huggingface"))
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
    }
    let weights = try run("isotherm", ["import", "a.npz", "--weights-only", "-o", "w"])
    #expect(weights.status == 0, "\(weights.errors)")
  }
}
