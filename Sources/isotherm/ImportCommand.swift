import Archive
import ArgumentParser
import Console
import Foundation
import Studies

extension ArrayPreset: ExpressibleByArgument {}
extension ArrayJoin: ExpressibleByArgument {}

/// `isotherm import PATH... -o NAME`
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Archive a network that others trained, or what was captured of one.",
    discussion: """
      PATH is a folder with config.json and weights as transformers saves them (safetensors or torch, in one file or in \
      shards), or the weights file in it. Architectures: bert, roberta, distilbert, gpt2, gpt_neox, llama, qwen2, qwen3, \
      opt, vit, deit, dinov2. --weights-only takes the tensors of any other network under their own names, from npz, GGUF, ONNX \
      and Keras files too. Several checkpoints of one network become the checkpoint axis, in the order of the steps that \
      their names end in. Nothing of a checkpoint is ever run.

      With --preset or --map, PATH is a file of arrays that were captured elsewhere (.npz, .npy, .safetensors, .h5, torch): \
      hidden states, attention maps, token ids, masks, labels. Presets know the names of huggingface (hidden_0, attn_0, \
      hidden_states.0, attentions.0, input_ids, attention_mask, labels), transformerlens (blocks.0.hook_resid_pre) and nnsight \
      (transformer.h.0.output). A map is YAML:

        arrays:
          "acts/{depth}": {role: state, axes: [position, sample, channel]}
          "probs_{layer}": {role: attention}
        final_norm: applied

      Roles: \(ArraysImport.roles). {depth} counts states from 0, before the first layer; {layer} and {checkpoint} stand for \
      numbers too, * for anything. Further keys: preset, causal, class_tokens, rows. Every value is looked at before \
      anything is written: rows of maps sum to 1, causal triangles are 0, lengths agree.
      """)

  @Argument(help: "Folder or weights file of each checkpoint, or files of captured arrays.")
  var paths: [String]

  @OptionGroup var output: OutputOptions

  @Flag(help: "Take the tensors of any network as they are, without config.json.")
  var weightsOnly = false

  @Option(help: "Names that captured arrays have: huggingface, transformerlens or nnsight.")
  var preset: ArrayPreset?

  @Option(
    help: ArgumentHelp("YAML file that says what captured arrays stand for.", valueName: "map.yaml")
  )
  var map: String?

  @Option(
    help:
      "How several files with the same arrays belong together: samples (batches) or checkpoints.")
  var join: ArrayJoin?

  @Flag(help: "Print what would be written and stop; of captured arrays, what maps to what.")
  var dryRun = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    if preset != nil || map != nil { return try importArrays() }
    guard join == nil else {
      throw UsageError("--join is about files of captured arrays: pass --preset or --map too")
    }
    try refuseCaptures()
    let run = try ImportRun(
      paths, weightsOnly: weightsOnly, progress: ProgressLine(common.progress))
    if dryRun { return try show(run.plan) }
    let place = try output.place()
    try OutputGuard(run.files).check(archive: place, replacing: output.force)
    try show(try run.write(out: place, force: output.force))
  }

  /// A file of captures beside no configuration of a network is told from a checkpoint by the names of its arrays.
  private func refuseCaptures() throws {
    guard !weightsOnly else { return }
    for path in paths {
      var isFolder: ObjCBool = false
      let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      guard isThere, !isFolder.boolValue else { continue }
      let isArrays = [".npz", ".npy", ".h5"].contains { path.hasSuffix($0) }
      guard isArrays || !FileManager.default.fileExists(atPath: folder + "/config.json"),
        let preset = ArraysImport.suggestion(for: path)
      else { continue }
      throw UsageError(
        "\(path): expected a checkpoint, found arrays that were captured, by their names; pass --preset \(preset.rawValue), or "
          + "--map with what they stand for (--weights-only takes them as weights)")
    }
  }

  private func importArrays() throws {
    guard !weightsOnly else {
      throw UsageError("--weights-only takes tensors as weights: leave --preset and --map out")
    }
    let progress = ProgressLine(common.progress)
    let run = try ArraysImport(paths, preset: preset, map: map, join: join, progress: progress)
    if dryRun, !common.json { showMapping(run) }
    let checked = try run.checked()
    if dryRun { return try show(checked.plan) }
    let place = try output.place()
    try OutputGuard(paths + [map].compactMap { $0 }).check(
      archive: place, replacing: output.force)
    let outcome = try checked.write(out: place, force: output.force)
    if !run.leftOver.isEmpty {
      Console.note("left out, since no rule is about them: \(run.leftOver.joined(separator: ", "))")
    }
    try show(outcome)
  }

  private func showMapping(_ run: ArraysImport) {
    var table = Table(["array", "shape", "role", "in the archive"])
    for item in run.mapping {
      table.add([
        item.array, item.shape.map(String.init).joined(separator: " x "), item.role, item.path,
      ])
    }
    for name in run.leftOver { table.add([name, "", "left over", "–"]) }
    Console.output(table.text)
  }

  private func show(_ outcome: ArraysImport.Outcome) throws {
    if common.json { return try Console.output(json: outcome) }
    for note in outcome.notes { Console.note("note: \(note)") }
    var words = ["\(outcome.samples) samples", "\(outcome.layers) layers"]
    if let positions = outcome.positions { words.append("\(positions) positions") }
    if let width = outcome.width { words.append("\(width) channels") }
    if let heads = outcome.heads {
      words.append("\(heads) \(outcome.causal ? "causal " : "")heads")
    }
    if outcome.checkpoints > 1 { words.append("\(outcome.checkpoints) checkpoints") }
    words.append("\(Format.bytes(outcome.bytes)) before compression")
    Console.output((outcome.path.map { $0 + ": " } ?? "") + words.joined(separator: ", "))
  }

  private func show(_ outcome: ImportRun.Outcome) throws {
    if common.json { return try Console.output(json: outcome) }
    var words = ["\(outcome.parameters) parameters in \(outcome.arrays) arrays"]
    if let layers = outcome.layers, let width = outcome.width, let heads = outcome.heads {
      words.append("\(layers) layers of \(width) channels and \(heads) heads")
    }
    if outcome.checkpoints > 1 { words.append("\(outcome.checkpoints) checkpoints") }
    words.append("\(Format.bytes(outcome.bytes)) before compression")
    words.append("\(Format.bytes(outcome.memory)) of memory in single precision")
    let name = outcome.architecture ?? "weights"
    Console.output(
      (outcome.path.map { $0 + ": " } ?? "") + "\(name) (\(outcome.format)), "
        + words.joined(separator: ", "))
  }
}
