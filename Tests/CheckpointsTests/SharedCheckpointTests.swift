import Arrays
import Foundation
import Testing

import Checkpoints

/// Checkpoints that other programs wrote, compared with one another.
@Suite(.enabled(if: SharedCheckpoints.areThere)) struct SharedCheckpointTests {
  private func open(_ name: String) throws -> any TensorFile {
    try Checkpoint.open(SharedCheckpoints.folder + "/" + name)
  }

  @Test func `GPT-2 is the same network as one file, as shards and as both torch files`() throws {
    let whole = try open("gpt2")
    #expect(whole.names.count == 40)
    for name in ["gpt2_sharded", "gpt2_bin/pytorch_model.bin", "gpt2_bin/legacy.bin"] {
      let other = try open(name)
      // torch keeps the tied output matrix under its own name.
      #expect(Set(other.names).subtracting(whole.names).isSubset(of: ["lm_head.weight"]), "\(name)")
      for tensor in whole.tensors {
        #expect(try other.tensor(tensor.name).shape == tensor.shape)
        #expect(try other.bytes(tensor.name) == whole.bytes(tensor.name), "\(name) \(tensor.name)")
      }
    }
  }

  @Test func `bfloat16 holds the nearest values`() throws {
    let (whole, half) = (try open("gpt2"), try open("gpt2_bf16"))
    for tensor in whole.tensors {
      #expect(try half.tensor(tensor.name).type == .number(.bfloat16))
      let expected = try whole.floats(tensor.name).elements.map { BFloat16($0).float }
      #expect(try half.floats(tensor.name).elements == expected, "\(tensor.name)")
    }
  }

  @Test func `views of one storage are what torch made them`() throws {
    let file = try open("views.pt")
    let base = (0..<24).map(Float.init)
    #expect(try file.floats("base").elements == base)
    let turned = try file.floats("T")
    #expect(turned.shape == [6, 4])
    #expect(turned.elements == (0..<6).flatMap { c in (0..<4).map { base[$0 * 6 + c] } })
    #expect(try file.floats("slice").elements == [8, 9, 10, 14, 15, 16])
    #expect(try file.floats("tied").elements == base)
    #expect(try file.floats("scalar").elements == [3.5])
    #expect(try file.floats("bf16").elements == base)
    #expect(try file.floats("param").shape == [4, 6])
  }

  @Test func `references of NumPy open`() throws {
    let file = try open("gpt2/ref.npz")
    #expect(try file.tensor("input").type == .number(.int64))
    #expect(try file.floats("attn_0").shape == [2, 4, 9, 9])
    let rows = try file.floats("attn_0").elements
    for start in stride(from: 0, to: rows.count, by: 9) {
      #expect(abs(rows[start..<start + 9].reduce(0, +) - 1) < 1e-5)
    }
  }

  @Test func `every network opens`() throws {
    for name in [
      "bert", "deit", "dinov2", "distilbert", "gpt_neox", "llama", "opt", "qwen2", "qwen3",
      "roberta", "vit",
    ] {
      let file = try open(name)
      for tensor in file.tensors {
        #expect(try file.floats(tensor.name).elements.allSatisfy(\.isFinite), "\(tensor.name)")
      }
    }
  }
}
