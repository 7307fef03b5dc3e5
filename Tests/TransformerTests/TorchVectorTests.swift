import Foundation
import Kernels
import Testing
import Transformer

/// Against a tiny encoder computed by PyTorch in float64; `tools/torch-vectors.py` made the file.
@Suite struct TorchVectorTests {
  struct Vectors: Decodable {
    struct Sizes: Decodable {
      var width, heads, layers, mlp, positions, pixels, classes, samples: Int
    }
    var sizes: Sizes
    var input: [Double]
    var labels: [Int32]
    var logits: [Double]
    var loss: Double
    var lastMap: [Double]
    var lastResidual: [Double]
    var parameters: [String: [Double]]
    var gradients: [String: [Double]]
  }

  static func vectors() throws -> Vectors {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("torch-vectors.json")
    return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
  }

  @Test func `forward, loss and gradients agree in double precision`() throws {
    try compare(Double.self, tolerance: 1e-9)
  }

  @Test func `forward, loss and gradients agree to 1e-5 in single precision`() throws {
    try compare(Float.self, tolerance: 1e-5)
  }

  private func compare<S: KernelScalar>(_ type: S.Type, tolerance: Double) throws {
    let v = try Self.vectors()
    let model = try ModelConfiguration(
      inputWidth: v.sizes.pixels, positionCount: v.sizes.positions, width: v.sizes.width,
      headCount: v.sizes.heads, layerCount: v.sizes.layers, mlpWidth: v.sizes.mlp,
      classCount: v.sizes.classes)
    let layout = ParameterLayout(model)
    let (weights, gradients) = (Buffer<S>(layout.count), Buffer<S>(layout.count))
    for entry in layout.entries {
      let values = try #require(v.parameters[entry.name], "\(entry.name)")
      try #require(values.count == entry.count, "\(entry.name)")
      for (i, value) in values.enumerated() { weights.start[entry.offset + i] = S(value) }
    }
    #expect(Set(layout.entries.map(\.name)) == Set(v.parameters.keys))
    let pass = EncoderPass<S>(model, layout, capacity: v.sizes.samples)
    for (i, value) in v.input.enumerated() { pass.input[i] = S(value) }
    pass.forward(weights.start, samples: v.sizes.samples)
    let outcome = pass.loss(
      labels: v.labels, samples: v.sizes.samples, factor: 1 / S(v.sizes.samples))
    pass.backward(weights.start, gradients: gradients.start, samples: v.sizes.samples)
    let loss = outcome.loss / Double(v.sizes.samples)
    #expect(abs(loss - v.loss) <= tolerance * abs(v.loss))
    check(pass.logits, v.logits, tolerance, "logits")
    check(pass.attentionMap(v.sizes.layers - 1), v.lastMap, tolerance, "last map")
    check(pass.residual(v.sizes.layers), v.lastResidual, tolerance, "last residual")
    for entry in layout.entries {
      let expected = try #require(v.gradients[entry.name])
      // The gradient of the key bias is 0 in exact arithmetic: both sides hold round-off only.
      if entry.name.hasSuffix("key.bias") { continue }
      check(gradients.start + entry.offset, expected, tolerance, entry.name)
    }
  }

  /// Largest difference relative to the array's largest entry.
  private func check<S: KernelScalar>(
    _ found: UnsafePointer<S>, _ expected: [Double], _ tolerance: Double, _ name: String
  ) {
    let scale = expected.map(abs).max() ?? 0
    let worst = expected.indices.map { abs(Double(found[$0]) - expected[$0]) }.max() ?? 0
    #expect(worst <= tolerance * scale, "\(name): \(worst / scale)")
  }
}
