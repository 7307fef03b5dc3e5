import Archive
import ArgumentParser
import Console

/// What an archive is written as.
enum ExportTarget: String, CaseIterable, ExpressibleByArgument {
  case safetensors, npz, csv, netcdf, huggingface

  /// The format of arrays; nil for a network.
  var format: ArchiveExport.Format? { ArchiveExport.Format(rawValue: rawValue) }
}

/// `isotherm-archive export RUN --to FORMAT -o OUT`
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write arrays in the format of another tool.",
    discussion: """
      Without --select: of a run, the parameters of its last checkpoint, by their PyTorch names; of any other \
      archive, all arrays of numbers. csv holds one table: arrays that share one axis, or a single array. netcdf \
      widens float16 and bfloat16 to float32. huggingface writes a folder with config.json and model.safetensors of a run's network, \
      which transformers loads: a vision Transformer, a text encoder, or a decoder like GPT-2 or Llama; what it has no words for is refused.
      """)

  @Argument(help: "Archive: NAME.h5 or NAME.run.")
  var file: String

  @Option(name: .customLong("to"), help: "safetensors, npz, csv, netcdf or huggingface.")
  var target: ExportTarget

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "File to write; for huggingface a folder.")
  var output: String

  @Option(
    help: "Arrays to export, by path; * stands for anything. May be given several times.")
  var select: [String] = []

  @Option(
    help: """
      Checkpoint to export: 0, 1, 2 …, last, or best, the one of the lowest validation loss (default: last for \
      parameters, else all).
      """)
  var checkpoint: String?

  @Flag(help: "Replace an existing file.")
  var force = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    let reader = try RunReader(file)
    guard let format = target.format else { return try writeNetwork(reader) }
    try OutputGuard([file]).check(file: output)
    let outcome = try ArchiveExport(reader, selection: select, checkpoint: row(reader)).write(
      format, to: output, replacing: force)
    for (path, reason) in outcome.leftOut { Console.note("left out \(path): \(reason)") }
    for note in outcome.notes { Console.note(note) }
    let names = outcome.arrays
    if common.json {
      try Console.output(
        json: Exported(
          path: output, arrays: names,
          leftOut: outcome.leftOut.map { .init(path: $0.path, reason: $0.reason) },
          notes: outcome.notes))
    } else {
      Console.output("\(output): \(names.count) \(names.count == 1 ? "array" : "arrays")")
    }
  }

  private func writeNetwork(_ reader: RunReader) throws {
    guard select.isEmpty else {
      throw UsageError("--select chooses arrays; huggingface writes a whole network, leave it out")
    }
    let outcome = try HuggingFaceExport(reader, checkpoint: row(reader) ?? -1).write(
      to: output, replacing: force)
    for note in outcome.notes { Console.note(note) }
    if common.json { return try Console.output(json: outcome) }
    Console.output("\(outcome.path): \(outcome.architecture), \(outcome.arrays) arrays")
  }

  private func row(_ reader: RunReader) throws -> Int? {
    guard let checkpoint else { return nil }
    if checkpoint == "last" { return -1 }
    if checkpoint == "best" { return try best(reader) }
    guard let row = Int(checkpoint), row >= 0 else {
      throw UsageError(
        "--checkpoint: expected a number from 0 on, last or best, found \(checkpoint)")
    }
    return row
  }

  /// The checkpoint of the lowest validation loss. Not of the lowest test loss: a checkpoint chosen by the test split would make
  /// its score there worthless.
  private func best(_ reader: RunReader) throws -> Int {
    let path = Layout.Checkpoints.validationLoss
    guard reader.contains(path) else {
      throw UsageError(
        "--checkpoint best: \(file) has no validation loss to choose by; train with "
          + "training.validation, or name a checkpoint")
    }
    let losses = try reader.read(path, as: Double.self).elements
    return losses.indices.min { losses[$0] < losses[$1] } ?? -1
  }

  private struct Exported: Encodable {
    struct LeftOut: Encodable {
      var path: String
      var reason: String
    }

    var path: String
    var arrays: [String]
    var leftOut: [LeftOut]
    var notes: [String]

    enum CodingKeys: String, CodingKey {
      case path, arrays, notes
      case leftOut = "left_out"
    }
  }
}
