import Arrays
import Kernels

/// A named place in the network; its spelling is also its dataset path.
public struct Tap: Sendable, Hashable {
  /// What is looked at, and in which layer.
  public enum Place: Sendable, Hashable {
    /// The residual stream before a layer: `[sample, position, channel]`.
    case residualPre(Int)
    /// Between attention and MLP.
    case residualMid(Int)
    /// After the layer; equals the next layer's `residualPre`.
    case residualPost(Int)
    /// Queries, as they enter the scores: `[sample, head, position, headChannel]`.
    case queries(Int)
    /// Keys, as they enter the scores; as many heads as there are of keys.
    case keys(Int)
    /// Values; as many heads as there are of values.
    case values(Int)
    /// q · k/√d_head before mask and softmax: `[sample, head, query, key]`.
    case scores(Int)
    /// The attention map after softmax: `[sample, head, query, key]`, rows sum to 1.
    case map(Int)
    /// Values mixed by the map, before the output matrix: `[sample, head, position, headChannel]`.
    case headOutput(Int)
    /// The MLP after its activation: `[sample, position, hidden]`.
    case hidden(Int)
    /// Class scores before softmax: `[sample, class]`, or `[sample, position, token]`.
    case logits
  }

  /// What is looked at.
  public var place: Place
  /// Whether it is the gradient of each sample's own loss by the values there, instead of the values.
  public var isGradient = false

  /// The values at `place`.
  public init(_ place: Place, isGradient: Bool = false) {
    (self.place, self.isGradient) = (place, isGradient)
  }

  /// The one spelling, for example `residual.0.post` or `gradient.attention.2.map`.
  public var name: String { (isGradient ? "gradient." : "") + placeName }

  private var placeName: String {
    switch place {
    case .residualPre(let layer): "residual.\(layer).pre"
    case .residualMid(let layer): "residual.\(layer).mid"
    case .residualPost(let layer): "residual.\(layer).post"
    case .queries(let layer): "attention.\(layer).queries"
    case .keys(let layer): "attention.\(layer).keys"
    case .values(let layer): "attention.\(layer).values"
    case .scores(let layer): "attention.\(layer).scores"
    case .map(let layer): "attention.\(layer).map"
    case .headOutput(let layer): "attention.\(layer).output"
    case .hidden(let layer): "mlp.\(layer).hidden"
    case .logits: "logits"
    }
  }

  /// What the values are, for `long_name`.
  public var summary: String {
    (isGradient ? "gradient of the sample's loss by: " : "") + placeSummary
  }

  private var placeSummary: String {
    switch place {
    case .residualPre(let layer): "residual stream before layer \(layer)"
    case .residualMid(let layer): "residual stream of layer \(layer) after attention"
    case .residualPost(let layer): "residual stream after layer \(layer)"
    case .queries(let layer): "queries of layer \(layer), turned when positions are rotary"
    case .keys(let layer): "keys of layer \(layer), turned when positions are rotary"
    case .values(let layer): "values of layer \(layer)"
    case .scores(let layer): "attention scores of layer \(layer), before mask and softmax"
    case .map(let layer): "attention map of layer \(layer)"
    case .headOutput(let layer): "mixed values of each head of layer \(layer)"
    case .hidden(let layer): "MLP of layer \(layer) after its activation"
    case .logits: "scores before softmax"
    }
  }

  /// Every tap of a model, in the order of computation; values first, then gradients.
  public static func all(_ model: ModelConfiguration) -> [Tap] {
    let places =
      (0..<model.layerCount).flatMap { layer -> [Place] in
        [
          .residualPre(layer), .queries(layer), .keys(layer), .values(layer), .scores(layer),
          .map(layer), .headOutput(layer), .residualMid(layer), .hidden(layer),
          .residualPost(layer),
        ]
      } + [.logits]
    return places.map { Tap($0) } + places.map { Tap($0, isGradient: true) }
  }

  /// The taps whose names match a pattern, in which `*` stands for any characters. Gradients match only patterns that say
  /// so: `gradient.` in front.
  public static func matching(_ pattern: String, in model: ModelConfiguration) -> [Tap] {
    let wantsGradient = pattern.hasPrefix("gradient.")
    return all(model).filter {
      $0.isGradient == wantsGradient && matches(Array($0.name), Array(pattern))
    }
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
    let position = Axis("position", model.positionCount)
    func heads(_ name: String, _ count: Int) -> [Axis] {
      [sample, Axis(name, count), position, Axis("head_channel", model.headWidth)]
    }
    switch place {
    case .residualPre, .residualMid, .residualPost:
      return [sample, position, Axis("channel", model.width)]
    case .queries, .headOutput: return heads("head", model.headCount)
    case .keys, .values:
      let isShared = model.keyValueHeadCount != model.headCount
      return heads(isShared ? "key_head" : "head", model.keyValueHeadCount)
    case .map, .scores:
      return [
        sample, Axis("head", model.headCount), Axis("query", model.positionCount),
        Axis("key", model.positionCount),
      ]
    case .hidden: return [sample, position, Axis("hidden", model.mlpWidth)]
    case .logits:
      return model.variant.pooling == .each
        ? [sample, position, Axis("token", model.classCount)]
        : [sample, Axis("class", model.classCount)]
    }
  }

  /// Numbers a sample has.
  public func size(_ model: ModelConfiguration) -> Int {
    axes(model, samples: 1).map(\.length).reduce(1, *)
  }
}
