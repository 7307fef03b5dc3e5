import Checkpoints
import Foundation
import Kernels
import PretrainedNetworks
import Testing

/// A folder that is not what its configuration says is refused by one line that names what is wrong.
@Suite struct RefusalTests {
  private let folder: String
  private static let own = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("networks").path

  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  /// A copy of a network with changed settings and changed entries of its header.
  private func copy(
    _ name: String, settings: [String: Any?] = [:],
    header change: (inout [String: Any]) -> Void = { _ in }
  ) throws -> String {
    let source = Self.own + "/" + name
    var config = try #require(
      try JSONSerialization.jsonObject(
        with: try Data(contentsOf: URL(fileURLWithPath: source + "/config.json"))) as? [String: Any]
    )
    for (key, value) in settings { config[key] = value }
    try JSONSerialization.data(withJSONObject: config).write(
      to: URL(fileURLWithPath: folder + "/config.json"))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: source + "/model.safetensors"))
    let count = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    var header = try #require(
      try JSONSerialization.jsonObject(with: bytes.dropFirst(8).prefix(count)) as? [String: Any])
    change(&header)
    let text = try JSONSerialization.data(withJSONObject: header)
    var out = Data((0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) })
    out += text + bytes.dropFirst(8 + count)
    try out.write(to: URL(fileURLWithPath: folder + "/model.safetensors"))
    return folder
  }

  private func refusal(_ path: String) -> CheckpointError? {
    let error = #expect(throws: CheckpointError.self) { try PretrainedNetwork(path) }
    #expect(error?.description.contains("\n") == false)
    return error
  }

  @Test func `a missing tensor is named, with its shape and the nearest name`() throws {
    let path = try copy("gpt2-bare") { header in
      header["h.1.mlp.c_fk.weight"] = header.removeValue(forKey: "h.1.mlp.c_fc.weight")
    }
    let error = refusal(path)
    #expect(error?.code == .missing && error?.tensor == "h.1.mlp.c_fc.weight")
    #expect(error?.expected.contains("[12, 48]") == true)
    #expect(error?.found.contains("h.1.mlp.c_fk.weight [12, 48]") == true)
  }

  @Test func `a tensor of another shape is named with both`() throws {
    let path = try copy("llama-bare") { header in
      var entry = header["layers.0.mlp.up_proj.weight"] as? [String: Any]
      entry?["shape"] = [12, 20]
      header["layers.0.mlp.up_proj.weight"] = entry
    }
    let error = refusal(path)
    #expect(error?.code == .mismatch && error?.tensor == "layers.0.mlp.up_proj.weight")
    #expect(error?.expected.contains("[20, 12]") == true && error?.found == "[12, 20]")
  }

  @Test func `a tensor that is left over is named`() throws {
    let error = refusal(try copy("llama-bare", settings: ["num_hidden_layers": 1]))
    #expect(error?.code == .unexpected && error?.tensor?.hasPrefix("layers.1.") == true)
  }

  /// Network, setting, value, how it is refused.
  private static let settings: [(String, String, (any Sendable)?, CheckpointError.Code)] = [
    ("gpt2-bare", "model_type", "mamba", .unsupported), ("gpt2-bare", "model_type", nil, .mismatch),
    ("gpt2-bare", "n_embd", -1, .mismatch), ("gpt2-bare", "n_embd", 1.5, .mismatch),
    ("gpt2-bare", "n_embd", "12", .mismatch), ("gpt2-bare", "n_head", 5, .mismatch),
    ("gpt2-bare", "n_layer", 1_000_000_000, .mismatch), ("gpt2-bare", "n_layer", 3, .missing),
    ("gpt2-bare", "activation_function", "tanhshrink", .unsupported),
    ("gpt2-bare", "add_cross_attention", true, .unsupported),
    ("llama-bare", "num_key_value_heads", 3, .unsupported),
    ("llama-bare", "head_dim", 7, .mismatch),
    ("llama-bare", "rope_parameters", ["rope_type": "yarn"], .unsupported),
    ("qwen2-untied", "use_sliding_window", true, .unsupported),
    ("bert-bare", "position_embedding_type", "relative_key", .unsupported),
    ("bert-bare", "is_decoder", true, .unsupported),
    ("vit-bare", "patch_size", [4, 2], .unsupported), ("vit-bare", "image_size", 0, .mismatch),
    ("vit-bare", "patch_size", 100, .unsupported), ("dinov2-gated", "mlp_ratio", -1, .unsupported),
    ("opt-bare", "max_position_embeddings", 11, .mismatch),
  ]

  @Test(arguments: settings.indices)
  func `settings that are wrong or not supported are refused`(_ number: Int) throws {
    let (name, key, value, code) = Self.settings[number]
    let error = refusal(try copy(name, settings: [key: value]))
    #expect(error?.code == code, "\(name) \(key): \(String(describing: error))")
  }

  @Test func `a folder without weights, or without settings, is refused`() throws {
    #expect(refusal(folder)?.code == .missing)
    let path = try copy("gpt2-bare")
    try FileManager.default.removeItem(atPath: path + "/config.json")
    #expect(refusal(path)?.code == .missing)
  }

  @Test func `input that a network does not take is refused`() throws {
    let text = try PretrainedNetwork(Self.own + "/gpt2-bare")
    let image = try PretrainedNetwork(Self.own + "/vit-bare")
    let pixels = [Float](repeating: 0, count: 2 * 8 * 8)
    let pool = WorkerPool(threadCount: 1)
    for (network, input) in [
      (text, .tokens([1, 17], samples: 1)), (text, .tokens([-1], samples: 1)),
      (text, .tokens([Int32](repeating: 1, count: 10), samples: 1)),
      (text, .tokens([], samples: 1)),
      (text, .tokens([1, 2, 3], samples: 2)), (text, .tokens([1, 2], mask: [true], samples: 1)),
      (text, .images(pixels, samples: 1, height: 8, width: 8)),
      (image, .tokens([1], samples: 1)), (image, .images(pixels, samples: 2, height: 8, width: 8)),
      (image, .images(pixels, samples: 1, height: 4, width: 16)),
      (image, .images(pixels, samples: 0, height: 8, width: 8)),
    ] as [(PretrainedNetwork, NetworkInput)] {
      #expect(throws: CheckpointError.self) { try network.run(input, on: pool, to: Collector()) }
    }
  }

  @Test func `the parameters of a plan are counted once`() throws {
    let (plan, file) = try PretrainedNetwork.plan(Self.own + "/gpt2-bare")
    #expect(plan.parameterCount == file.tensors.reduce(0) { $0 + $1.count })
    let network = try PretrainedNetwork(Self.own + "/gpt2-bare")
    let fused = try file.floats("h.0.attn.c_attn.weight")
    let key = try network.weight("layer.0.attention.key.weight")
    #expect(key[3 * 12 + 5] == fused[5, 12 + 3])
  }
}
