import Testing
import Transformer

/// Every variant, small: what the tests of gradients, learning and masks run over.
struct NamedVariant: Sendable, CustomTestStringConvertible {
  let name: String
  let model: ModelConfiguration
  var smoothing = 0.0

  var testDescription: String { name }
  var isText: Bool { if case .tokens = model.input { true } else { false } }

  private typealias Change = (inout ModelConfiguration) -> Void

  private static func images(
    _ name: String, _ variant: ModelConfiguration.Variant = .init(), positions: Int = 6,
    heads: Int = 2, _ change: Change = { _ in }
  ) throws -> NamedVariant {
    var model = try ModelConfiguration(
      input: .patches(width: 3), positionCount: positions, width: 8, headCount: heads,
      layerCount: 2, mlpWidth: 12, classCount: 3, variant: variant)
    model.grid = (rows: 2, columns: 3)
    change(&model)
    return NamedVariant(name: name, model: model)
  }

  private static func text(
    _ name: String, _ variant: ModelConfiguration.Variant, heads: Int = 2,
    _ change: Change = { _ in }
  ) throws -> NamedVariant {
    let predictsNext = variant.pooling == .each
    var model = try ModelConfiguration(
      input: .tokens(vocabulary: 7), positionCount: variant.pooling == .classToken ? 7 : 6,
      width: 8, headCount: heads, layerCount: 2, mlpWidth: 12, classCount: predictsNext ? 7 : 2,
      variant: variant)
    change(&model)
    return NamedVariant(name: name, model: model)
  }

  static func make(
    _ change: (inout ModelConfiguration.Variant) -> Void
  ) -> ModelConfiguration.Variant {
    var variant = ModelConfiguration.Variant()
    change(&variant)
    return variant
  }

  static func decoder(
    _ change: (inout ModelConfiguration.Variant) -> Void = { _ in }
  ) -> ModelConfiguration.Variant {
    make {
      $0.pooling = .each
      $0.isCausal = true
      change(&$0)
    }
  }

  static func all() throws -> [NamedVariant] {
    var result = [
      try images("canonical"),
      try images("bottleneck") { $0.bottleneck = .init(layer: 0, weight: 0.3) },
      try images("post-norm", make { $0.norm = .post }),
      try images("no norm", make { $0.norm = .none }),
      try images("rms norm", make { $0.normKind = .rms }),
      try images("post-norm, rms", make { ($0.norm, $0.normKind) = (.post, .rms) }),
      try images("no residual", make { $0.hasResidual = false }),
      try images("no residual, post", make { ($0.hasResidual, $0.norm) = (false, .post) }),
      try images("sinusoidal", make { $0.positions = .sinusoidal }),
      try images("rotary", make { $0.positions = .rotary }),
      try images("no positions", make { $0.positions = .none }),
      try images("relu", make { $0.activation = .relu }),
      try images("swiglu", make { $0.activation = .swiglu }),
      try images("class token", make { $0.pooling = .classToken }, positions: 7),
      try images("dropout", make { $0.dropout = 0.25 }),
      try images("shared keys", make { $0.keyValueHeads = 2 }, heads: 4),
      try text("text", .init()),
      try text("text, class token", make { $0.pooling = .classToken }),
      try text("causal classifier", make { $0.isCausal = true }),
      try text("decoder", decoder()),
      try text("decoder, tied", decoder { $0.isTied = true }),
      try text(
        "decoder, llama",
        decoder {
          ($0.normKind, $0.positions, $0.activation) = (.rms, .rotary, .swiglu)
          $0.keyValueHeads = 1
        }, heads: 2),
      try text("decoder, causal diffusion", decoder()) {
        $0.refinements = [Refinement(.advectionDiffusion, after: 0, steps: 2)]
      },
    ]
    for kind in Refinement.Kind.allCases {
      result.append(
        try images(kind.rawValue) {
          $0.refinements = [
            Refinement(kind, after: nil, steps: 2), Refinement(kind, after: 1, steps: 3),
          ]
        })
    }
    var smoothed = try images("label smoothing")
    smoothed.smoothing = 0.2
    return result + [smoothed]
  }
}
