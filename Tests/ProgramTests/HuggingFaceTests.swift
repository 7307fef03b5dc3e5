import Archive
import Foundation
import Testing

/// `isotherm-archive export --to huggingface`: what transformers would compute from the folder is what the run's network gives.
@Suite struct HuggingFaceTests {
  private let folder: String

  init() throws { folder = try Programs.scratch() }

  private static let base = [
    "model.width=16", "model.layers=2", "model.mlp=24", "model.heads=2", "training.epochs=1",
    "training.batch=500", "capture.samples=8", "capture.taps=[logits]",
  ]
  private static let text = ["data.vocabulary=270", "data.tokens=16", "training.batch=64"]

  static let forms: [(study: String, architecture: String, settings: [String])] = [
    ("fashion-mnist", "ViTForImageClassification", ["model.pool=class"]),
    ("austen-novels", "MegatronBertForTokenClassification", ["model.pool=class"] + text),
    (
      "austen-next", "GPT2ForTokenClassification",
      [
        "model.positions=learned", "model.norm_kind=layer", "model.activation=gelu",
      ] + text
    ),
    (
      "austen-next", "LlamaForTokenClassification",
      [
        "model.positions=rotary", "model.norm_kind=rms", "model.activation=swiglu",
        "model.kv_heads=1", "model.tied=true",
      ] + text
    ),
  ]

  private func train(_ study: String, _ settings: [String]) throws {
    let outcome = try Programs.run(
      "isotherm",
      ["train", "data/studies/\(study).yaml", "-o", folder + "/r"]
        + (Self.base + settings).flatMap { ["--set", $0] })
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  @Test(arguments: forms.indices)
  func `a folder's network gives the logits of the run`(_ index: Int) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let form = Self.forms[index]
    try train(form.study, form.settings)
    let out = folder + "/hf"
    let outcome = try Programs.run(
      "isotherm-archive", ["export", folder + "/r", "--to", "huggingface", "-o", out, "--json"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"\(form.architecture)\""), "\(outcome.output)")
    let scale = try scale()
    let compared = try Programs.run(
      Programs.root + "/.venv/bin/python",
      [Programs.root + "/Tests/ProgramTests/exported-forward.py", out, folder + "/r.h5", "1e-5"]
        + scale)
    #expect(compared.status == 0, "\(compared.output) \(compared.errors)")
    let again = try Programs.run(
      "isotherm-archive", ["export", folder + "/r", "--to", "huggingface", "-o", out])
    #expect(again.status == 1 && again.errors.contains("--force"))
    guard index == 0 else { return }
    // Our own reader takes the folder too.
    let imported = try Programs.run("isotherm", ["import", out, "-o", folder + "/net"])
    #expect(imported.status == 0, "\(imported.errors)")
  }

  /// Mean and deviation that the run scales its pixels by: those of the training images.
  private func scale() throws -> [String] {
    let script = """
      import h5py, sys
      with h5py.File(sys.argv[1]) as file:
          x = file["samples/image"][file["samples/split"][()] == 0] / 255
      print(repr(float(x.mean())), repr(float(x.std())))
      """
    let outcome = try Programs.run(
      Programs.root + "/.venv/bin/python",
      ["-c", script, Programs.root + "/data/fashion-mnist-small.h5"])
    return outcome.output.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  @Test func `what transformers has no words for is refused with the reason`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try train("fashion-mnist", [])
    let out = folder + "/hf"
    let mean = try Programs.run(
      "isotherm-archive", ["export", folder + "/r", "--to", "huggingface", "-o", out])
    #expect(mean.status == 1 && mean.errors.contains("vit has pool class, this network mean"))
    #expect(mean.errorLines.count == 1 && !FileManager.default.fileExists(atPath: out))
    let select = try Programs.run(
      "isotherm-archive",
      ["export", folder + "/r", "--to", "huggingface", "-o", out, "--select", "*"])
    #expect(select.status == 2 || select.status == 64, "\(select.errors)")
    let network = Programs.root + "/Tests/PretrainedNetworksTests/networks/gpt2-bare"
    _ = try Programs.run("isotherm", ["import", network, "-o", folder + "/net"])
    let imported = try Programs.run(
      "isotherm-archive", ["export", folder + "/net", "--to", "huggingface", "-o", out])
    #expect(imported.status == 1 && imported.errors.contains("was imported"))
  }
}
