import Arrays
import Foundation

/// Writes the network of a training run as the folder that `transformers` loads: `config.json` and `model.safetensors`.
///
/// Only what says exactly the same is written: a network whose choices have no words there is refused with the choice.
public struct HuggingFaceExport {
  private let reader: RunReader
  private let row: Int
  private let network: ExportedNetwork

  /// What was written.
  public struct Outcome: Encodable, Sendable {
    /// The folder.
    public var path: String
    /// Class of `transformers` that loads it.
    public var architecture: String
    /// Tensors.
    public var arrays: Int
    /// How its input and output are those of the run.
    public var notes: [String]
  }

  /// The network at a checkpoint; negative numbers count from the end.
  /// - Throws: ``ArchiveError`` for an archive that is no training run, or a network that cannot be said.
  public init(_ reader: RunReader, checkpoint: Int) throws {
    self.reader = reader
    guard !reader.contains(Layout.Network.configuration), !reader.contains(Layout.Network.file)
    else {
      throw ArchiveError(
        .refused,
        "\(reader.path): was imported; transformers loads the folder that it was imported from")
    }
    guard reader.kind == .run, reader.contains(Layout.Checkpoints.parameters) else {
      throw ArchiveError(
        .refused,
        "\(reader.path): huggingface takes the network of a training run, found an archive of kind \(reader.kind.rawValue)"
      )
    }
    let count = try reader.describe(Layout.Checkpoints.step).shape.first ?? 0
    row = checkpoint < 0 ? count + checkpoint : checkpoint
    guard (0..<count).contains(row) else {
      throw ArchiveError(
        .refused, "--checkpoint \(checkpoint): \(reader.path) has the checkpoints 0 to \(count - 1)"
      )
    }
    network = try ExportedNetwork(reader, row)
  }

  /// Writes the folder `path`.
  /// - Throws: ``ArchiveError`` when it is there already and is not to be replaced, or cannot be written.
  public func write(to path: String, replacing: Bool) throws -> Outcome {
    let form = try ExportedForms.of(network)
    try OutputGuard([]).check(folder: path)
    let files = [path + "/config.json", path + "/model.safetensors"]
    for file in files where !replacing && FileManager.default.fileExists(atPath: file) {
      throw ArchiveError(
        .exists, "\(file) exists already; pass --force to replace it, or choose another folder")
    }
    for file in files { try OutputGuard([reader.path]).check(file: file) }
    let tensors = try form.tensors(network)
    let isNew = !FileManager.default.fileExists(atPath: path)
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      let weights = PendingFile(files[1])
      let out = try OutputFile(weights.temporary, standingFor: files[1])
      try SafetensorsFile.write(
        tensors,
        metadata: [
          "format": "pt", "title": reader.title, "run_id": reader.runID, "source": reader.path,
        ], to: out)
      try out.close()
      try PendingFile.write(try configuration(form), to: files[0])
      try weights.finish()
    } catch {
      // A folder with nothing in it, or without its weights, is no network.
      if isNew { try? FileManager.default.removeItem(atPath: path) }
      throw error
    }
    return Outcome(
      path: path, architecture: form.architecture, arrays: tensors.count, notes: form.notes)
  }

  private func configuration(_ form: any ExportedForm) throws -> String {
    var values = form.configuration
    values["architectures"] = .list([.text(form.architecture)])
    values["model_type"] = .text(form.modelType)
    values["torch_dtype"] = .text("float32")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(values), as: UTF8.self) + "\n"
  }
}

/// A value of a `config.json`.
enum ConfigurationValue: Encodable {
  case number(Double)
  case integer(Int)
  case text(String)
  case flag(Bool)
  case list([ConfigurationValue])
  case members([String: ConfigurationValue])

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .flag(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .members(let value): try container.encode(value)
    }
  }
}
