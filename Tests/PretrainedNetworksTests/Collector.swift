import Arrays
import Checkpoints
import Foundation
import Kernels
import PretrainedNetworks

/// Keeps every array that a pass hands over.
final class Collector: ArraySink {
  private(set) var arrays: [String: NDArray<Float>] = [:]

  func receive(_ name: String, axes: [Axis], values: UnsafeBufferPointer<Float>) throws {
    arrays[name] = NDArray(shape: axes.map(\.length), elements: Array(values))
  }
}

/// What another program computed for a network, and what ours does.
struct Reference {
  let network: PretrainedNetwork
  let values: any TensorFile
  let mask: [Bool]?
  let input: NetworkInput

  /// The network in a folder, and the `ref.npz` beside it or given.
  init(_ folder: String, values place: String? = nil, keepsLayers: Bool = true) throws {
    network = try PretrainedNetwork(folder, keepsLayers: keepsLayers)
    let values = try Checkpoint.open(place ?? folder + "/ref.npz")
    let found = try values.floats(values.info("input") == nil ? "input_ids" : "input")
    let padding = ["mask", "attention_mask"].first { values.info($0) != nil }
    mask = try padding.map { try values.floats($0).elements.map { $0 != 0 } }
    self.values = values
    if case .tokens = network.plan.input {
      input = .tokens(found.elements.map { Int32($0) }, mask: mask, samples: found.shape[0])
    } else {
      input = .images(
        found.elements, samples: found.shape[0], height: found.shape[2], width: found.shape[3])
    }
  }

  func run(threads: Int = 2, wanted: @escaping (String) -> Bool = { _ in true }) throws -> Collector
  {
    let collector = Collector()
    try network.run(input, on: WorkerPool(threadCount: threads), to: collector, wanted: wanted)
    return collector
  }

  /// Each of the reference's arrays, and the name of ours.
  var pairs: [(theirs: String, ours: String)] {
    let last = network.plan.layerCount
    var pairs = (0..<last).map { ("attn_\($0)", "attention.\($0).map") }
    pairs += (0...last).map { l in
      let ours =
        l == 0
        ? "residual.0.pre"
        : l == last && network.plan.referenceEndsAfterNorm
          ? "final_norm.output" : "residual.\(l - 1).post"
      return ("hidden_\(l)", ours)
    }
    if values.info("pooler") != nil { pairs.append(("pooler", "pooled")) }
    guard values.info("out") != nil else { return pairs }
    let isState = values.info("out")?.shape.last == network.plan.width && !hasClasses
    pairs.append(("out", isState ? "final_norm.output" : "logits"))
    if values.info("pooled") != nil { pairs.append(("pooled", "pooled")) }
    return pairs
  }

  private var hasClasses: Bool {
    switch network.plan.head {
    case .classes, .distilledClasses: true
    default: false
    }
  }

  /// Largest difference, in units of max(1, |reference|), of two arrays; padding left out.
  func error(_ theirs: NDArray<Float>, _ ours: NDArray<Float>) -> Float {
    guard theirs.shape == ours.shape else { return .infinity }
    let positions = mask.map { $0.count / theirs.shape[0] }
    var worst: Float = 0
    for (i, (a, b)) in zip(theirs.elements, ours.elements).enumerated() {
      if let mask, let positions, theirs.rank > 2 {
        // The axis of positions is the second, of queries the third.
        let inner = theirs.shape.dropFirst(theirs.rank == 4 ? 3 : 2).reduce(1, *)
        let outer = theirs.shape.dropFirst().reduce(1, *)
        if !mask[i / outer * positions + i / inner % positions] { continue }
      }
      let error = abs(a - b) / max(1, abs(a))
      worst = error.isNaN ? .infinity : max(worst, error)
    }
    return worst
  }
}
