import Arrays
import Kernels

/// A named place in the network; its spelling is also its dataset path.
public enum Tap: Sendable, Hashable {
  /// The residual stream before, between and after the parts of a layer: `[sample, position, channel]`.
  case residualPre(Int)
  /// Between attention and MLP.
  case residualMid(Int)
  /// After the layer; equals the next layer's `residualPre`.
  case residualPost(Int)
  /// The attention map after softmax: `[sample, head, query, key]`, rows sum to 1.
  case attentionMap(Int)
  /// Class scores before softmax: `[sample, class]`.
  case logits

  /// The one spelling, for example `residual.0.post`.
  public var name: String {
    switch self {
    case .residualPre(let layer): "residual.\(layer).pre"
    case .residualMid(let layer): "residual.\(layer).mid"
    case .residualPost(let layer): "residual.\(layer).post"
    case .attentionMap(let layer): "attention.\(layer).map"
    case .logits: "logits"
    }
  }

  /// What the values are, for `long_name`.
  public var summary: String {
    switch self {
    case .residualPre(let layer): "residual stream before layer \(layer)"
    case .residualMid(let layer): "residual stream of layer \(layer) after attention"
    case .residualPost(let layer): "residual stream after layer \(layer)"
    case .attentionMap(let layer): "attention map of layer \(layer)"
    case .logits: "class scores before softmax"
    }
  }

  /// Every tap of a model, in the order of computation.
  public static func all(_ model: ModelConfiguration) -> [Tap] {
    (0..<model.layerCount).flatMap { layer -> [Tap] in
      [.residualPre(layer), .attentionMap(layer), .residualMid(layer), .residualPost(layer)]
    } + [.logits]
  }

  /// The taps whose names match a pattern, in which `*` stands for any characters.
  public static func matching(_ pattern: String, in model: ModelConfiguration) -> [Tap] {
    all(model).filter { matches(Array($0.name), Array(pattern)) }
  }

  private static func matches(_ name: [Character], _ pattern: [Character]) -> Bool {
    guard let first = pattern.first else { return name.isEmpty }
    let rest = Array(pattern.dropFirst())
    if first == "*" {
      return (0...name.count).contains { matches(Array(name.dropFirst($0)), rest) }
    }
    return name.first == first && matches(Array(name.dropFirst()), rest)
  }

  /// Axes of the values for `samples` samples, slowest first.
  public func axes(_ model: ModelConfiguration, samples: Int) -> [Axis] {
    let sample = Axis("sample", samples)
    switch self {
    case .residualPre, .residualMid, .residualPost:
      return [sample, Axis("position", model.positionCount), Axis("channel", model.width)]
    case .attentionMap:
      return [
        sample, Axis("head", model.headCount), Axis("query", model.positionCount),
        Axis("key", model.positionCount),
      ]
    case .logits: return [sample, Axis("class", model.classCount)]
    }
  }

  /// The values of the last forward pass over `samples` samples, as long as the pass is not run again.
  public func values<S>(in pass: EncoderPass<S>, samples: Int) -> UnsafeBufferPointer<S> {
    let start: UnsafeMutablePointer<S>
    switch self {
    case .residualPre(let layer): start = pass.residual(layer)
    case .residualMid(let layer): start = pass.residualMid(layer)
    case .residualPost(let layer): start = pass.residual(layer + 1)
    case .attentionMap(let layer): start = pass.attentionMap(layer)
    case .logits: start = pass.logits
    }
    let count = axes(pass.model, samples: samples).map(\.length).reduce(1, *)
    return UnsafeBufferPointer(start: start, count: count)
  }
}
