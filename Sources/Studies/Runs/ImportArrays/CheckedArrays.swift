import Archive
import Arrays
import Checkpoints
import Console
import Foundation
import Kernels

/// Mapped arrays of which every value was looked at, ready to be written.
public struct CheckedArrays {
  let arrays: MappedArrays
  let shapes: CaptureShapes
  let values: CaptureValues
  let form: NetworkForm
  let mapping: [ArraysImport.Outcome.Item]
  let leftOver: [String]
  let progress: ProgressLine

  /// What the import is.
  public var plan: ArraysImport.Outcome {
    let bytes = arrays.slots.reduce(0) { sum, slot in
      sum + 4 * slot.shape.reduce(1, *) * (slot.role.isOfSamples ? 1 : arrays.steps.count)
    }
    return ArraysImport.Outcome(
      mapped: mapping, leftOver: leftOver, samples: shapes.samples, layers: shapes.layers,
      positions: shapes.positions, width: shapes.width, heads: shapes.heads,
      checkpoints: arrays.steps.count, causal: form.isCausal, finalNorm: form.finalNorm,
      bytes: bytes, notes: notes)
  }

  private var notes: [String] {
    var notes: [String] = []
    if arrays.maps.isEmpty, !arrays.states.isEmpty {
      notes.append(
        "no attention maps: isotherm fit and isotherm-analyze attention need them; load the model with "
          + "attn_implementation=\"eager\" and save its attentions")
    }
    if form.finalNorm == "applied" {
      notes.append(
        "the last state is behind the final norm: the step from depth \(shapes.layers - 1) to \(shapes.layers) holds that norm beside the layer"
      )
    }
    if form.finalNorm == "unknown", !arrays.states.isEmpty {
      notes.append(
        "nobody says whether the last state is behind the final norm; in transformers it is for language models, not for ViT, "
          + "DeiT and DINOv2: final_norm: applied or not_applied in a map (--map) says it")
    }
    if arrays.slot(.label) == nil { notes.append("no labels: I(T;Y) has nothing to be about") }
    for type in ["float64", "int32", "uint32", "int64", "uint64"] {
      let wide = arrays.slots.filter { !$0.role.isWhole && $0.first.source.type == type }.count
      if wide > 0 { notes.append("\(wide) arrays of \(type) are rounded to float32") }
    }
    let gaps = (0...max(shapes.layers, 0)).filter { arrays.states[$0] == nil }
    if !arrays.states.isEmpty, !gaps.isEmpty {
      let first = gaps.prefix(5).map(String.init).joined(separator: ", ")
      notes.append(
        "no states at depth \(first)\(gaps.count > 5 ? " and \(gaps.count - 5) more" : ""): fit, flow and attention need every depth"
      )
    }
    return notes
  }

  // MARK: - Writing

  /// Writes the archive `out`. Takes the memory of about 64 MiB of each array in turn, of several checkpoints of one array.
  public func write(out: String, force: Bool) throws -> ArraysImport.Outcome {
    let hashes = try arrays.files.map { try LogicalHash.sha256(ofFile: $0) }
    if let second = hashes.indices.first(where: { hashes[..<$0].contains(hashes[$0]) }) {
      throw UsageError(
        "\(arrays.files[second]): has the bytes of a file before it; pass each file once")
    }
    let recorder = try Recorder(RunPlace(out), schema(hashes), replacing: force)
    do {
      var outcome = plan
      try recorder.append(Layout.Checkpoints.step, arrays.steps.map { Int32(clamping: $0) })
      try writeSamples(recorder)
      progress.begin("import")
      for (number, slot) in arrays.slots.enumerated() where !slot.role.isOfSamples {
        progress.update(number, of: arrays.slots.count, unit: "arrays", detail: slot.path)
        try write(slot, recorder)
      }
      outcome.path = try recorder.seal()
      progress.end("\(arrays.slots.count) arrays of \(shapes.samples) samples")
      return outcome
    } catch {
      recorder.abandon()
      throw error
    }
  }

  private var isSeveral: Bool { arrays.steps.count > 1 }

  private func write(_ slot: MappedSlot, _ recorder: Recorder) throws {
    for checkpoint in arrays.steps.indices {
      if isSeveral || slot.role == .parameter {
        try StopRequest.check()
        try recorder.append(slot.path, try slot.read(0..<slot.count, checkpoint: checkpoint))
        try recorder.tick()
        continue
      }
      for block in slot.blocks {
        try StopRequest.check()
        try recorder.append(slot.path, try slot.read(block, checkpoint: checkpoint))
        try recorder.tick()
      }
    }
  }

  private func writeSamples(_ recorder: Recorder) throws {
    let count = shapes.samples
    if arrays.slot(.sampleID) == nil {
      try recorder.append(Layout.Samples.index, (0..<count).map { Int32($0) })
    }
    if arrays.slot(.split) == nil {
      try recorder.append(
        Layout.Samples.split, HeldOutSplit.draw(count, seed: HeldOutSplit.seed))
    }
    if hasLengths, let mask = values.mask, let positions = shapes.positions {
      try recorder.append(
        Layout.Samples.length,
        (0..<count).map { sample in
          Int32(mask[sample * positions..<(sample + 1) * positions].count { $0 })
        })
    }
    for slot in arrays.slots where slot.role.isOfSamples {
      for block in slot.blocks {
        switch slot.role {
        case .image: try recorder.append(slot.path, try slot.read(block, checkpoint: 0))
        case .mask, .split:
          try recorder.append(slot.path, try slot.readWhole(block).map { UInt8(clamping: $0) })
        default: try recorder.append(slot.path, try slot.readWhole(block))
        }
      }
    }
    try recorder.tick()
  }

  private var hasLengths: Bool { values.mask != nil && values.padsBehind }

  // MARK: - Schema

  private typealias AxisSchema = ArraySchema.AxisSchema

  private func schema(_ hashes: [String]) throws -> RunSchema {
    var arrays = [
      ArraySchema(
        Layout.Checkpoints.step, .int32, [AxisSchema("checkpoint", self.arrays.steps.count)],
        longName: self.arrays.hasSteps ? "step of training" : "number of the checkpoint, from 1",
        attributes: ["is_step": .integer(self.arrays.hasSteps ? 1 : 0)])
    ]
    arrays += sampleArrays()
    for slot in self.arrays.slots where !slot.role.isOfSamples { arrays.append(array(slot)) }
    let names = self.arrays.files.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    let sources = zip(self.arrays.files, hashes).map {
      Provenance.Source(path: $0, runID: "", sha256: $1, noun: "capture")
    }
    return RunSchema(
      .run, title: "captures of \(CheckpointError.shown(names.joined(separator: ", ")))",
      arrays: arrays,
      provenance: Provenance(
        configuration: try configuration(), seed: HeldOutSplit.seed, blasCore: BLASCore.name,
        sources: sources))
  }

  private func sampleArrays() -> [ArraySchema] {
    let sample = AxisSchema("sample", shapes.samples)
    func one(
      _ path: String, _ type: ElementType, _ axes: [AxisSchema], _ longName: String,
      _ attributes: [String: AttributeValue] = [:]
    ) -> ArraySchema {
      ArraySchema(path, type, [sample] + axes, longName: longName, attributes: attributes)
    }
    let splitRule =
      arrays.slot(.split) == nil ? HeldOutSplit.rule(seed: HeldOutSplit.seed) : "as the file says"
    var found = [
      one(
        Layout.Samples.index, .int32, [],
        arrays.slot(.sampleID) == nil ? "position in the files" : "id of the sample"),
      one(
        Layout.Samples.split, .uint8, [],
        "0 for samples that equations are fitted to, 1 for those held out",
        ["rule": .text(splitRule)]),
    ]
    let position = AxisSchema("position", shapes.positions ?? arrays.slot(.tokens)?.shape[1])
    for slot in arrays.slots {
      switch slot.role {
      case .tokens: found.append(one(slot.path, .int32, [position], "token ids"))
      case .mask:
        found.append(one(slot.path, .uint8, [position], "1 at tokens, 0 at padding"))
      case .label where slot.axes.count == 2:
        found.append(one(slot.path, .int32, [position], "token to be predicted at each position"))
      case .label: found.append(one(slot.path, .int32, [], "class"))
      case .image:
        let axes = zip(["channel", "y", "x"], slot.shape.dropFirst()).map { AxisSchema($0, $1) }
        found.append(one(slot.path, .float32, axes, "pixels as the network took them"))
      default: continue
      }
    }
    if hasLengths {
      found.append(one(Layout.Samples.length, .int32, [], "tokens that are no padding"))
    }
    return found
  }

  private func array(_ slot: MappedSlot) -> ArraySchema {
    let source = slot.first.source
    var attributes: [String: AttributeValue] = [
      "source_name": .text(String(CheckpointError.shown(source.name).prefix(1000)))
    ]
    if slot.role == .scores { attributes["nan_meaning"] = .text("-inf at masked keys") }
    if slot === arrays.states[shapes.layers], shapes.layers > 0 {
      attributes["final_norm"] = .text(form.finalNorm)
    }
    var names = slot.axes
    if slot.role != .parameter { names.removeFirst() }
    let lengths = slot.role == .parameter ? slot.shape : Array(slot.shape.dropFirst())
    let axes = zip(names, lengths).map { AxisSchema($0, $1) }
    let checkpoint = AxisSchema("checkpoint", 1)
    if slot.role == .parameter {
      return ArraySchema(
        slot.path, .float32, [.growing("checkpoint")] + axes, longName: longName(slot),
        attributes: attributes)
    }
    if isSeveral {
      return ArraySchema(
        slot.path, .float32, [.growing("checkpoint"), AxisSchema("sample", shapes.samples)] + axes,
        longName: longName(slot), attributes: attributes)
    }
    var array = ArraySchema(
      slot.path, .float32, [.growing("sample")] + axes, longName: longName(slot),
      attributes: attributes)
    array.lead = checkpoint
    return array
  }

  private func longName(_ slot: MappedSlot) -> String {
    switch slot.role {
    case .state: "residual stream"
    case .attention: "attention map after softmax"
    case .scores: "attention scores before softmax"
    case .gradient: "gradient of each sample's own loss by the residual stream"
    case .parameter: "weights"
    case .finalNorm: "last state behind the final norm"
    default: slot.role.rawValue.replacingOccurrences(of: "_", with: " ")
    }
  }

  private func configuration() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    func quoted(_ text: String) throws -> String {
      String(decoding: try encoder.encode(text), as: UTF8.self)
    }
    var text = "import:\n"
    text += "  files: [\(try arrays.files.map(quoted).joined(separator: ", "))]\n"
    if let preset = arrays.map.preset { text += "  preset: \(preset.rawValue)\n" }
    if let path = arrays.map.path { text += "  map: \(try quoted(path))\n" }
    text += "  arrays:\n"
    for slot in arrays.slots {
      text += "    \(try quoted(slot.path)): \(try quoted(slot.first.source.place))\n"
    }
    let left = try arrays.leftOver.map { try quoted($0.place) }
    text += "  left_out: [\(left.joined(separator: ", "))]\n"
    return text + form.yaml
  }
}
