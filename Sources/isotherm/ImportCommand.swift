import Archive
import ArgumentParser
import Console
import Studies

/// `isotherm import PATH... -o NAME`
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Archive the parameters of a network that others trained.",
    discussion: """
      PATH is a folder with config.json and weights as transformers saves them (safetensors or torch, in one file or in \
      shards), or the weights file in it. Architectures: bert, roberta, distilbert, gpt2, gpt_neox, llama, qwen2, qwen3, \
      opt, vit, deit, dinov2. --weights-only takes the tensors of any other network under their own names, from npz, GGUF, ONNX \
      and Keras files too. Several checkpoints of one network become the checkpoint axis, in the order of the steps that \
      their names end in. Nothing of a checkpoint is ever run.
      """)

  @Argument(help: "Folder or weights file of each checkpoint.")
  var paths: [String]

  @OptionGroup var output: OutputOptions

  @Flag(help: "Take the tensors of any network as they are, without config.json.")
  var weightsOnly = false

  @Flag(help: "Print what would be written and stop.")
  var dryRun = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    let run = try ImportRun(
      paths, weightsOnly: weightsOnly, progress: ProgressLine(common.progress))
    if dryRun { return try show(run.plan) }
    let place = try output.place()
    try OutputGuard(run.files).check(archive: place, replacing: output.force)
    try show(try run.write(out: place, force: output.force))
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
