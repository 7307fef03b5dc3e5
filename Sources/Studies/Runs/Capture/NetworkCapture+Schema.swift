import Archive
import Arrays
import Foundation
import Kernels
import PretrainedNetworks

/// What the archive of a capture holds.
extension NetworkCapture {
  private typealias AxisSchema = ArraySchema.AxisSchema

  /// The tapped arrays, `[checkpoint, sample, ...]`.
  func tapArrays() -> [ArraySchema] {
    let plan = imported.network.plan
    return taps.map { tap in
      let axes = plan.axes(of: tap, positions: input.positions)
      var array = ArraySchema(
        Self.path(tap), type,
        [.growing("sample")] + axes.map { AxisSchema($0.name, $0.length) },
        longName: Self.longName(tap))
      array.lead = AxisSchema("checkpoint", 1)
      return array
    }
  }

  private static func longName(_ tap: String) -> String {
    switch TapName(tap)?.quantity {
    case .residualPre: "residual stream before the layer"
    case .residualMid: "residual stream between attention and MLP"
    case .residualPost: "residual stream after the layer"
    case .map: "attention map after softmax, 0 at masked keys"
    case .logits: "scores before softmax"
    case .finalNorm: "last state behind the final norm"
    case .pooled: "pooled state"
    default: tap
    }
  }

  /// The whole archive.
  func schema(_ patterns: [String]) throws -> RunSchema {
    let sample = AxisSchema.growing("sample")
    var arrays = [
      ArraySchema(
        Layout.Checkpoints.step, .int32, [AxisSchema("checkpoint", 1)],
        longName: "step or number of the checkpoint"),
      ArraySchema(
        Layout.Network.configuration, .utf8, [AxisSchema("document", 1)], longName: "config.json"),
      ArraySchema(
        Layout.Samples.index, .int32, [sample], longName: "position in the data"),
      ArraySchema(
        Layout.Samples.split, .uint8, [sample],
        longName: "0 for samples that equations are fitted to, 1 for those held out",
        attributes: ["rule": .text(HeldOutSplit.rule(seed: HeldOutSplit.seed))]),
    ]
    if input.isText {
      let position = AxisSchema("position", input.positions)
      arrays.append(
        ArraySchema(Layout.Samples.token, .int32, [sample, position], longName: "token ids"))
      if input.hasMask {
        arrays.append(
          ArraySchema(
            Layout.Samples.mask, .uint8, [sample, position],
            longName: "1 at tokens, 0 at padding, which nothing attends to"))
      }
      if input.hasMask, input.padsBehind {
        arrays.append(
          ArraySchema(
            Layout.Samples.length, .int32, [sample], longName: "tokens that are no padding"))
      }
    }
    arrays += tapArrays()
    return RunSchema(
      .run,
      title:
        "\(imported.network.plan.architecture) over \(input.arrays.map(\.name).joined(separator: ", "))",
      arrays: arrays,
      provenance: Provenance(
        configuration: try configuration(patterns), seed: 0, blasCore: BLASCore.name,
        sources: try sources()))
  }

  private func sources() throws -> [Provenance.Source] {
    var files: [String] = []
    for array in input.arrays where !files.contains(array.file) { files.append(array.file) }
    let data = try files.compactMap { file in
      try input.arrays.first { $0.file == file }?.source()
    }
    return try [imported.reader.asSource()] + data
  }

  /// What is known of the network where its weights are not.
  private var form: NetworkForm {
    let plan = imported.network.plan
    var form = NetworkForm()
    (form.isCausal, form.classTokens) = (plan.isCausal, plan.prefixCount)
    (form.isParallel, form.mlp) = (plan.isParallel, plan.mlpWidth)
    if plan.keyValueHeadCount != plan.headCount { form.keyValueHeads = plan.keyValueHeadCount }
    form.norm = plan.norm == .layer ? "layer" : "rms"
    switch plan.activation {
    case .relu: form.activation = "relu"
    case .silu: form.activation = plan.isGated ? "swiglu" : "gelu"
    case .gelu, .geluTanh, .quickGELU: form.activation = "gelu"
    }
    if case .rotary(let frequencies) = plan.positions, 2 * frequencies.count == plan.headWidth {
      form.isRotary = frequencies.indices.allSatisfy {
        let usual = pow(10_000, -2 * Double($0) / Double(plan.headWidth))
        return abs(Double(frequencies[$0]) - usual) <= 1e-4 * usual
      }
    }
    if case .image(_, _, _, let patch, _) = plan.input { form.rows = input.rows(patch: patch) }
    form.finalNorm = "not_applied"
    return form
  }

  private func configuration(_ patterns: [String]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    func quoted(_ text: String) throws -> String {
      String(decoding: try encoder.encode(text), as: UTF8.self)
    }
    let names = zip(input.isText ? ["tokens", "mask"] : ["images"], input.arrays)
    let lines =
      ["network: \(try quoted(imported.reader.path))", "checkpoint: \(imported.step)"]
      + (try names.map { "\($0): \(try quoted($1.name))" })
      + [
        "samples: \(try quoted("\(input.samples.lowerBound):\(input.samples.upperBound)"))",
        "taps: [\(try taps.map(quoted).joined(separator: ", "))]", "type: \(type.rawValue)",
      ]
    return "capture:\n" + lines.map { "  \($0)\n" }.joined() + form.yaml
  }
}
