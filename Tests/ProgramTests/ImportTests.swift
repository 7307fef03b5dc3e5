import Archive
import Foundation
import Testing

/// `isotherm import`: networks of others become archives that every reader opens, or are refused by one line.
@Suite struct ImportTests {
  private let folder: String
  private static let networks = Programs.root + "/Tests/PretrainedNetworksTests/networks"

  init() throws { folder = try Programs.scratch() }

  private func run(_ arguments: String...) throws -> Programs.Outcome {
    try Programs.run("isotherm", ["import"] + arguments, in: folder)
  }

  @Test func `a dry run says what a network is and writes nothing`() throws {
    let outcome = try run(Self.networks + "/llama-linear", "--dry-run", "--json")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(json["architecture"] as? String == "llama" && json["layers"] as? Int == 2)
    #expect(json["heads"] as? Int == 4 && json["width"] as? Int == 12)
    #expect(json["path"] == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
  }

  @Test func `an archive holds parameters, settings, sources and hashes`() throws {
    let outcome = try run(Self.networks + "/gpt2-bare", "-o", "net")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let reader = try RunReader(folder + "/net")
    let key = "/checkpoints/parameters/layer.0.attention.key.weight"
    #expect(try reader.describe(key).shape == [1, 12, 12])
    #expect(try reader.attribute(key, "source_name") == .text("h.0.attn.c_attn.weight"))
    let settings = try reader.readTexts("/network/configuration")
    #expect(settings.first?.contains("\"model_type\": \"gpt2\"") == true)
    let file = Self.networks + "/gpt2-bare/model.safetensors"
    #expect(try reader.readTexts("/network/file") == [file])
    let sum = try Programs.run("/usr/bin/sha256sum", [file])
    let hash = try reader.readTexts("/network/sha256").first
    #expect(hash.map(sum.output.hasPrefix) == true)
    let check = try Programs.run("isotherm-archive", ["check", folder + "/net"])
    #expect(check.status == 0, "\(check.output)")
    let again = try run(Self.networks + "/gpt2-bare", "-o", "net")
    #expect(again.status == 1 && again.errors.contains("--force"))
  }

  @Test(arguments: ["fit", "inform", "perturb"])
  func `what needs captures or a run of ours refuses an imported network`(_ command: String) throws
  {
    let outcome = try run(Self.networks + "/gpt2-bare", "-o", "net")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let refused = try Programs.run("isotherm", [command, "net", "-o", "x"], in: folder)
    #expect(refused.status == 1, "\(refused.errors)")
    #expect(
      refused.errors.contains("isotherm capture") || refused.errors.contains("others trained"),
      "\(refused.errors)")
    #expect(refused.errorLines.count == 1, "\(refused.errors)")
  }

  @Test(arguments: ["llama-bare", "vit-bare", "opt-bare"])
  func `every parameter is the file's, bit for bit`(_ name: String) throws {
    let outcome = try run(Self.networks + "/" + name, "-o", "net")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let bytes = try Data(
      contentsOf: URL(fileURLWithPath: Self.networks + "/\(name)/model.safetensors"))
    let count = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: bytes.dropFirst(8).prefix(count)) as? [String: Any])
    let reader = try RunReader(folder + "/net")
    var found = 0
    for parameter in try reader.names(in: "/checkpoints/parameters") {
      let path = "/checkpoints/parameters/" + parameter
      guard case .text(let source)? = try reader.attribute(path, "source_name") else { continue }
      let entry = try #require(header[source] as? [String: Any], "\(source)")
      let places = try #require(entry["data_offsets"] as? [Int])
      let values = try reader.read(path, as: Float.self).elements
      let raw = values.withUnsafeBytes { Data($0) }
      #expect(raw == bytes.dropFirst(8 + count + places[0]).prefix(places[1] - places[0]))
      found += 1
    }
    #expect(found >= 20)
  }

  @Test func `several checkpoints become one axis, in the order of their steps`() throws {
    for step in [20, 100, 3] {
      try FileManager.default.copyItem(
        atPath: Self.networks + "/vit-bare", toPath: folder + "/step-\(step)")
    }
    let outcome = try run("step-100", "step-20", "step-3", "-o", "net")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let reader = try RunReader(folder + "/net")
    #expect(try reader.read("/checkpoints/step", as: Int32.self).elements == [3, 20, 100])
    #expect(
      try reader.describe("/checkpoints/parameters/embedding.patch.weight").shape == [3, 12, 32])
  }

  @Test func `a folder may have a name of one letter, and a slash behind it`() throws {
    try FileManager.default.copyItem(
      atPath: Self.networks + "/opt-bare", toPath: folder + "/m")
    for name in ["m", "m/", "./m", "m/model.safetensors"] {
      let outcome = try run(name, "--dry-run")
      #expect(outcome.status == 0 && outcome.output.contains("opt"), "\(name): \(outcome.errors)")
    }
    let missing = try run("x", "--dry-run")
    #expect(missing.status == 1, "\(missing.errors)")
  }

  @Test func `weights of any network are taken by their own names`() throws {
    let file = Self.networks + "/opt-bare/ref.npz"
    let outcome = try run(file, "--weights-only", "-o", "net")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let reader = try RunReader(folder + "/net")
    #expect(try reader.describe("/checkpoints/parameters/attn_1").shape == [1, 2, 3, 6, 6])
    #expect(try !reader.names(in: "/checkpoints/parameters").contains("input"))
  }

  @Test func `what cannot be imported is refused by one line, and nothing is left`() throws {
    let other = Self.networks + "/qwen2-untied"
    try FileManager.default.copyItem(atPath: other, toPath: folder + "/bare")
    try FileManager.default.removeItem(atPath: folder + "/bare/config.json")
    try FileManager.default.copyItem(atPath: other, toPath: folder + "/mamba")
    try Data("{\"model_type\": \"mamba\"}".utf8).write(
      to: URL(fileURLWithPath: folder + "/mamba/config.json"))
    for (paths, words, status) in [
      (["nowhere"], "check the path", 1), (["bare"], "--weights-only", 1),
      (["mamba"], "model_type \"mamba\"", 1),
      ([other, Self.networks + "/opt-bare"], "checkpoints of one network", 1),
      ([Self.networks], "check the folder", 1),
    ] {
      let outcome = try Programs.run("isotherm", ["import"] + paths + ["-o", "net"], in: folder)
      #expect(Int(outcome.status) == status, "\(paths): \(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(paths): \(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(!left.contains { $0.hasPrefix("net") }, "\(left)")
  }

  @Test func `spectra of an imported network stand beside those of random matrices`() throws {
    let made = try run(Self.networks + "/gpt2-bare", "-o", "net")
    try #require(made.status == 0, "\(made.errors)")
    let outcome = try Programs.run(
      "isotherm-analyze", ["weights", "net", "--json", "-o", "spectra"], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let rows = try #require(json["rows"] as? [[String: Any]])
    // Two embeddings, and of both layers four matrices of attention and two of the MLP.
    #expect(rows.count == 14)
    for row in rows {
      let (rank, effective) = (row["stable_rank"] as? Double, row["effective_rank"] as? Double)
      let shorter = min(row["rows"] as? Int ?? 0, row["columns"] as? Int ?? 0)
      #expect((1...Double(shorter)).contains(try #require(rank)))
      #expect((1...Double(shorter)).contains(try #require(effective)))
      #expect(row["alpha"] is Double && row["distance"] is Double && row["spikes"] is Int)
    }
    let norms = try RunReader(folder + "/spectra").read(
      "/metrics/weights/frobenius_norm", as: Double.self
    ).elements
    let key = try RunReader(folder + "/net").read(
      "/checkpoints/parameters/layer.0.attention.key.weight", as: Double.self
    ).elements
    let norm = key.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(norms.contains { abs($0 - norm) < 1e-12 * norm })
    let without = try Programs.run("isotherm-analyze", ["weights", "spectra"], in: folder)
    #expect(without.status != 0)
  }
}
