import Foundation
import Kernels
import Transformer

/// Every variant of a tiny Transformer as PyTorch computed it in float64; `tools/torch-vectors.py` made the file.
///
/// Weights and inputs are a formula, so the file holds results only.
struct ReferenceVectors: Decodable {
  struct Case: Decodable {
    var name: String
    var model: Model
    var loss: Double
    var logits: [Double]
    /// The last residual stream, 0 at padding.
    var residual: [Double]
    /// Of each parameter's gradient g: Σ g·w, w another value of the formula, and Σ g².
    var gradients: [String: [Double]]
  }

  struct Model: Decodable {
    struct Refine: Decodable {
      var kind: String
      var after: Int?
      var steps: Int
    }
    var norm: String, normKind: String, residual: Bool, positions: String, activation: String
    var pool: String, causal: Bool, tied: Bool, heads: Int, keyValueHeads: Int
    var refine: [Refine], tokens: Bool, smoothing: Double

    enum CodingKeys: String, CodingKey {
      case norm, residual, positions, activation, pool, causal, tied, heads, refine, tokens
      case smoothing
      case normKind = "norm_kind"
      case keyValueHeads = "kv_heads"
    }
  }

  /// Version of PyTorch.
  var torch: String
  var cases: [Case]

  static let file = "data/transformer-vectors.json"

  init() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: DataLocation.resolve(Self.file)))
    self = try JSONDecoder().decode(Self.self, from: data)
  }

  static func digit(_ name: String, _ i: Int) -> Int {
    (i * i * 31 + i * 17 + name.utf8.reduce(0) { $0 + Int($1) }) % 1009
  }

  static func value(_ name: String, _ i: Int) -> Double { Double(digit(name, i)) / 504 - 1 }

  static func parameter(_ name: String, _ i: Int) -> Double {
    let v = value(name, i)
    if name.contains("norm"), name.hasSuffix("weight") { return 1 + 0.2 * v }
    return name.hasSuffix("bias") ? 0.1 * v : 0.3 * v
  }
}

extension ReferenceVectors.Case {
  /// The network as this package configures it.
  func configuration() throws -> ModelConfiguration {
    var variant = ModelConfiguration.Variant()
    func named<Choice: RawRepresentable<String>>(_ raw: String) throws -> Choice {
      guard let choice = Choice(rawValue: raw) else {
        throw ModelError(message: "\(name): unknown choice \(raw)")
      }
      return choice
    }
    variant.norm = try named(model.norm)
    variant.normKind = try named(model.normKind)
    variant.hasResidual = model.residual
    variant.positions = try named(model.positions)
    variant.activation = try named(model.activation)
    variant.pooling = try named(model.pool)
    (variant.isCausal, variant.isTied) = (model.causal, model.tied)
    variant.keyValueHeads = model.keyValueHeads == model.heads ? nil : model.keyValueHeads
    var configuration = try ModelConfiguration(
      input: model.tokens ? .tokens(vocabulary: 7) : .patches(width: 3),
      positionCount: variant.pooling == .classToken ? 7 : 6, width: 8, headCount: model.heads,
      layerCount: 2, mlpWidth: 12, classCount: variant.pooling == .each ? 7 : 3, variant: variant)
    if !model.tokens { configuration.grid = (rows: 2, columns: 3) }
    configuration.refinements = try model.refine.map {
      Refinement(try named($0.kind), after: $0.after, steps: $0.steps)
    }
    return configuration
  }

  /// Our loss, and the largest difference of logits, last residual stream and gradient sums, each relative to its array's
  /// largest entry.
  func compare<S: KernelScalar>(_ type: S.Type) throws -> (loss: Double, difference: Double) {
    let network = try configuration()
    let layout = ParameterLayout(network)
    let (weights, slopes) = (Buffer<S>(layout.count), Buffer<S>(layout.count))
    for entry in layout.entries {
      for i in 0..<entry.count {
        weights.start[entry.offset + i] = S(ReferenceVectors.parameter(entry.name, i))
      }
    }
    let pass = NetworkPass<S>(network, layout, capacity: 3)
    let lengths = fill(pass, network)
    pass.smoothing = model.smoothing
    pass.forward(weights.start, samples: 3)
    let targets = network.variant.pooling == .each ? lengths.reduce(0, +) : 3
    let score = pass.score(samples: 3, factor: 1 / S(targets))
    pass.backward(weights.start, gradients: slopes.start, samples: 3)
    var worst = Self.difference(logits, pass.logits) { place in
      network.variant.pooling != .each
        || place / network.classCount % network.positionCount
          < lengths[place / network.classCount / network.positionCount]
    }
    worst = max(
      worst,
      Self.difference(residual, pass.residual(2)) { place in
        place / 8 % network.positionCount < lengths[place / 8 / network.positionCount]
      })
    let names = Set(layout.entries.map(\.name))
    guard names == Set(gradients.keys) else {
      throw ModelError(
        message: "\(name): parameters differ: \(names.symmetricDifference(gradients.keys))")
    }
    for entry in layout.entries { worst = max(worst, difference(entry, slopes)) }
    return (score.loss / Double(targets), worst)
  }

  /// Writes inputs and targets; returns the positions of each sample that are no padding.
  private func fill<S: KernelScalar>(
    _ pass: NetworkPass<S>, _ network: ModelConfiguration
  ) -> [Int] {
    let n = network.positionCount
    let lengths = model.tokens ? [n, n - 2, n - 1] : [n, n, n]
    for sample in 0..<3 {
      let slot = pass.slot(sample)
      if model.tokens {
        slot.fill(lengths[sample] - network.classTokenCount)
        for i in 0..<6 {
          slot.tokens[i] = Int32(ReferenceVectors.digit("tokens", sample * 6 + i) % 7)
        }
      } else {
        for i in 0..<18 { slot.input[i] = S(ReferenceVectors.value("input", sample * 18 + i)) }
      }
      for i in 0..<network.targetCount {
        let target = ReferenceVectors.digit("targets", sample * network.targetCount + i)
        slot.targets[i] =
          network.targetCount > 1 && i >= lengths[sample]
          ? -1 : Int32(target % network.classCount)
      }
    }
    return lengths
  }

  private static func difference<S: KernelScalar>(
    _ expected: [Double], _ found: UnsafePointer<S>, where isOwn: (Int) -> Bool
  ) -> Double {
    let scale = expected.map(abs).max() ?? 1
    let worst = expected.indices.filter(isOwn).map { abs(Double(found[$0]) - expected[$0]) }.max()
    return (worst ?? 0) / scale
  }

  /// Of the two sums of one parameter's gradient, relative to the gradient's norm.
  private func difference<S: KernelScalar>(
    _ entry: ParameterLayout.Entry, _ slopes: Buffer<S>
  ) -> Double {
    guard let expected = gradients[entry.name], expected.count == 2 else { return .infinity }
    var (along, square) = (0.0, 0.0)
    for i in 0..<entry.count {
      let g = Double(slopes.start[entry.offset + i])
      along += g * ReferenceVectors.value("w" + entry.name, i)
      square += g * g
    }
    // Where the true gradient is 0, as of a key bias, both sides hold round-off only.
    let norm = max(expected[1].squareRoot(), 1e-3)
    return max(abs(along - expected[0]) / norm, abs(square - expected[1]) / (norm * norm))
      / Double(entry.count).squareRoot()
  }
}
