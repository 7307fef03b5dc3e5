import Archive
import Arrays
import Checkpoints
import Console
import Foundation
import Kernels
import PretrainedNetworks

/// Checkpoints that others made, as an archive of kind run: parameters under our names, configuration, tokenizer, licence, and the
/// sha256 of every file.
public struct ImportRun {
  private let checkpoints: [ImportedWeights]
  private let progress: ProgressLine

  /// What is imported, for people and scripts.
  public struct Outcome: Encodable, Sendable {
    /// The archive; nil for a dry run.
    public var path: String?
    /// `model_type`; nil for weights only.
    public var architecture: String?
    /// What the file is stored as.
    public var format: String
    /// Checkpoints.
    public var checkpoints: Int
    /// Parameters of one checkpoint.
    public var parameters: Int
    /// Arrays of one checkpoint.
    public var arrays: Int
    /// Layers, channels of the residual stream, heads; nil for weights only.
    public var layers: Int?, width: Int?, heads: Int?
    /// Bytes of the parameters in the archive before compression, all checkpoints.
    public var bytes: Int
    /// Bytes that a pass over one sample needs for the weights in single precision.
    public var memory: Int
  }

  /// Opens checkpoints of one network and reads no value; with `weightsOnly` of any network.
  ///
  /// Several are put in the order of the steps that their names end in, where all have one.
  ///
  /// - Throws: ``CheckpointError``, also where two checkpoints are of different networks.
  public init(_ paths: [String], weightsOnly: Bool, progress: ProgressLine) throws {
    self.progress = progress
    var opened = try paths.map { try ImportedWeights($0, weightsOnly: weightsOnly) }
    let steps = opened.compactMap(\.step)
    if steps.count == opened.count, Set(steps).count == steps.count {
      opened.sort { ($0.step ?? 0) < ($1.step ?? 0) }
    }
    checkpoints = opened
    guard let first = opened.first else { return }
    for other in opened.dropFirst() { try Self.check(other, against: first) }
  }

  private static func check(
    _ other: ImportedWeights, against first: ImportedWeights
  ) throws {
    let known = Dictionary(
      first.items.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    func refused(_ tensor: String?, _ expected: String, _ found: String) -> CheckpointError {
      CheckpointError(
        .mismatch, file: other.path, tensor: tensor, expected: "\(expected), as in \(first.path)",
        found: found, remedy: "import checkpoints of one network together")
    }
    guard other.plan?.architecture == first.plan?.architecture else {
      throw refused(
        nil, "a \(first.plan?.architecture ?? "file of weights")",
        other.plan?.architecture ?? "none")
    }
    for item in other.items {
      guard let same = known[item.name] else { throw refused(item.source, "no such tensor", "one") }
      guard same.shape == item.shape, same.type == item.type else {
        throw refused(
          item.source, "\(same.shape) of \(same.type)", "\(item.shape) of \(item.type)")
      }
    }
    guard other.items.count == first.items.count else {
      throw refused(nil, "\(first.items.count) tensors", "\(other.items.count)")
    }
  }

  /// Every file that is read.
  public var files: [String] { checkpoints.flatMap(\.file.files) }

  /// What the import will be.
  public var plan: Outcome {
    let first = checkpoints.first
    let items = first?.items ?? []
    let parameters = items.reduce(0) { $0 + $1.shape.reduce(1, *) }
    let bytes = items.reduce(0) { $0 + $1.shape.reduce(1, *) * ($1.type.byteCount ?? 4) }
    return Outcome(
      architecture: first?.plan?.architecture, format: first?.file.format.rawValue ?? "",
      checkpoints: checkpoints.count, parameters: parameters, arrays: items.count,
      layers: first?.plan?.layerCount, width: first?.plan?.width, heads: first?.plan?.headCount,
      bytes: bytes * checkpoints.count, memory: 4 * parameters)
  }

  // MARK: - The archive

  /// Writes the archive `out`. Takes the memory of the archive's share of one checkpoint and of its largest tensor in single
  /// precision.
  public func write(out: String, force: Bool) throws -> Outcome {
    let hashes = try files.map { try Self.hash($0) }
    let recorder = try Recorder(RunPlace(out), schema(hashes), replacing: force)
    do {
      return try write(recorder, hashes)
    } catch {
      recorder.abandon()
      throw error
    }
  }

  private func write(_ recorder: Recorder, _ hashes: [String]) throws -> Outcome {
    var outcome = plan
    for (path, text) in texts { recorder.write(path, [text]) }
    recorder.write(Layout.Network.file, files)
    recorder.write(Layout.Network.hash, hashes)
    let total = checkpoints.reduce(0) { $0 + $1.items.count }
    progress.begin("import")
    var done = 0
    for (number, checkpoint) in checkpoints.enumerated() {
      for item in checkpoint.items {
        try StopRequest.check()
        let values = try item.read()
        // The memory goes with its owner, which nothing names behind `elements`.
        try withExtendedLifetime(values) {
          try recorder.append(Self.path(item), values.elements)
        }
        done += 1
        progress.update(done, of: total, unit: "arrays", detail: item.name)
      }
      let step = hasSteps ? checkpoint.step ?? number : number
      try recorder.append(Layout.Checkpoints.step, [Int32(clamping: step)])
      try recorder.tick()
    }
    outcome.path = try recorder.seal()
    progress.end("\(total) arrays")
    return outcome
  }

  private var hasSteps: Bool {
    let steps = checkpoints.compactMap(\.step)
    return checkpoints.count > 1 && Set(steps).count == checkpoints.count
  }

  private static func path(_ item: ImportedWeights.Item) -> String {
    Layout.Checkpoints.parameter(item.name)
  }

  private static func hash(_ path: String) throws -> String {
    do {
      return try LogicalHash.sha256(ofFile: path)
    } catch {
      throw CheckpointError(
        .notReadable, file: path, expected: "the file that was there", found: "none",
        remedy: "do not change a checkpoint while it is imported")
    }
  }

  /// Texts of the network's folder, by their paths in the archive.
  private var texts: [(path: String, text: String)] {
    guard let first = checkpoints.first else { return [] }
    return [
      (Layout.Network.configuration, first.text(["config.json"])),
      (Layout.Network.tokenizer, first.text(["tokenizer.json"])),
      (Layout.Network.licence, first.text(["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"])),
    ].compactMap { path, text in text.map { (path, $0) } }
  }

  private func schema(_ hashes: [String]) -> RunSchema {
    let first = checkpoints.first
    let checkpoint = ArraySchema.AxisSchema.growing("checkpoint")
    var arrays = [
      ArraySchema(
        Layout.Checkpoints.step, .int32, [checkpoint],
        longName: hasSteps ? "step that the checkpoint's name ends in" : "number of the checkpoint")
    ]
    arrays += (first?.items ?? []).map { item in
      ArraySchema(
        Self.path(item), item.type, [checkpoint] + axes(item.shape), longName: item.name,
        attributes: ["source_name": .text(item.source)])
    }
    let names = [
      "configuration": "config.json", "tokenizer": "tokenizer.json", "licence": "licence",
    ]
    arrays += texts.map { path, _ in
      let name = path.split(separator: "/").last.map(String.init) ?? ""
      return ArraySchema(
        path, .utf8, [.init("document", 1)], longName: names[name] ?? name)
    }
    let file = ArraySchema.AxisSchema("file", files.count)
    arrays += [
      ArraySchema(Layout.Network.file, .utf8, [file], longName: "file that weights came from"),
      ArraySchema(Layout.Network.hash, .utf8, [file], longName: "sha256 of the file"),
    ]
    let network = first?.plan?.architecture ?? "weights"
    let sources = zip(files, hashes).map { Provenance.Source(path: $0, runID: "", sha256: $1) }
    return RunSchema(
      .run, title: "\(network) imported from \(CheckpointError.shown(first?.path ?? ""))",
      arrays: arrays,
      provenance: Provenance(
        configuration: "import: {architecture: \(network), checkpoints: \(checkpoints.count)}",
        seed: 0, blasCore: BLASCore.name, sources: sources))
  }

  /// Axes named by their length, so that no name of a group has two: a length of the network by what it counts.
  private func axes(_ shape: [Int]) -> [ArraySchema.AxisSchema] {
    shape.enumerated().map { place, length in
      let name = axisName(length)
      return .init(place == 0 ? name : "\(place == 1 ? "input" : "axis_\(place)")_\(name)", length)
    }
  }

  private func axisName(_ length: Int) -> String {
    guard let plan = checkpoints.first?.plan else { return "of_\(length)" }
    if case .tokens(length) = plan.input { return "token" }
    switch length {
    case plan.width: return "channel"
    case plan.mlpWidth: return "hidden"
    case plan.positionCount: return "position"
    case plan.headCount * plan.headWidth: return "query_channel"
    case plan.keyValueHeadCount * plan.headWidth: return "key_channel"
    case plan.headWidth: return "head_channel"
    default: return "of_\(length)"
    }
  }
}
