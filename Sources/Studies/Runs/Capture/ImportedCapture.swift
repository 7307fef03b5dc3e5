import Archive
import Arrays
import Foundation
import Kernels
import PretrainedNetworks

/// An imported network and what goes through it.
struct ImportedCapture: CaptureSubject {
  private let imported: ImportedNetwork
  private let input: CaptureInput
  private var plan: NetworkPlan { imported.network.plan }

  init(_ network: String, _ names: CaptureInput.Names, checkpoint: Int?) throws {
    imported = try ImportedNetwork(network, checkpoint: checkpoint)
    input = try CaptureInput(names, for: imported.network)
  }

  var reader: RunReader { imported.reader }
  var step: Int32 { imported.step }
  var document: String? { imported.configuration }
  var title: String {
    "\(plan.architecture) over \(input.arrays.map(\.name).joined(separator: ", "))"
  }
  var parameterCount: Int { plan.parameterCount }
  var taps: [String] { plan.taps }
  var workingBytes: Int { plan.workingBytes(positions: input.positions) }
  var samples: Range<Int> { input.samples }
  var inputs: [(key: String, name: String)] {
    zip(input.isText ? ["tokens", "mask"] : ["images"], input.arrays).map { ($0, $1.name) }
  }
  var files: [String] { input.arrays.map(\.file) }

  func axes(of tap: String) -> [Axis] { plan.axes(of: tap, positions: input.positions) }

  func longName(of tap: String) -> String {
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

  func sampleArrays() -> [ArraySchema] {
    guard input.isText else { return [] }
    return Self.textArrays(
      positions: input.positions, hasMask: input.hasMask, padsBehind: input.padsBehind)
  }

  func writeOnce(to recorder: Recorder) {}

  func index(_ row: Int) -> Int32 { Int32(clamping: row) }

  func append(_ rows: Range<Int>, to recorder: Recorder) throws {
    guard let tokens = try input.tokens(rows) else { return }
    try recorder.append(Layout.Samples.token, tokens)
    guard let mask = try input.mask(rows) else { return }
    try recorder.append(Layout.Samples.mask, mask.map { UInt8($0 ? 1 : 0) })
    guard input.padsBehind else { return }
    let lengths = (0..<rows.count).map { row in
      mask[row * input.positions..<(row + 1) * input.positions].count { $0 }
    }
    try recorder.append(Layout.Samples.length, lengths.map { Int32($0) })
  }

  func sources() throws -> [Provenance.Source] {
    try [imported.reader.asSource()] + CapturedArray.sources(input.arrays)
  }

  func run(_ rows: Range<Int>, taps: [String], on pool: WorkerPool) throws -> [String: [Float]] {
    let (results, wanted) = (BatchResults(), Set(taps))
    try imported.network.run(try input.input(rows), on: pool, to: results) { wanted.contains($0) }
    return results.values
  }

  var form: NetworkForm {
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
}

/// The arrays of one batch.
private final class BatchResults: ArraySink {
  private(set) var values: [String: [Float]] = [:]

  func receive(_ name: String, axes: [Axis], values: UnsafeBufferPointer<Float>) throws {
    self.values[name] = Array(values)
  }
}
