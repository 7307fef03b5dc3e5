import Checkpoints

/// Everything that the forward pass must know of a network: sizes, choices, and where each weight lies in the file. An
/// architecture turns a `config.json` into one of these; nothing else knows of it.
public struct NetworkPlan: Sendable {
  /// What goes in.
  public enum Input: Sendable, Hashable {
    /// Token ids below `vocabulary`.
    case tokens(vocabulary: Int)
    /// Images `[channel, y, x]` of this size, cut into square patches; `isFree` when other sizes are taken too, by interpolated
    /// positions.
    case image(channels: Int, height: Int, width: Int, patch: Int, isFree: Bool)
  }

  /// How a position is told.
  public enum Positions: Sendable, Hashable {
    /// A table; row `position + offset` is added to the embedding. `countsMask` when masked positions do not count.
    case table(offset: Int, countsMask: Bool)
    /// A table whose row is the number of tokens so far that are not `pad`, plus `pad`; `pad` itself for padding.
    case tableAfterPadding(pad: Int)
    /// The first `2 · frequencies.count` channels of queries and keys are turned, channel c with c + count.
    case rotary(frequencies: [Float])
  }

  /// Kinds of normalisation.
  public enum Norm: Sendable, Hashable { case layer, rootMeanSquare }

  /// Non-linearities.
  public enum Activation: String, Sendable, Hashable {
    /// x Φ(x).
    case gelu
    /// Its approximation by tanh.
    case geluTanh
    /// x σ(1.702 x).
    case quickGELU
    case relu
    /// x σ(x).
    case silu
  }

  /// What is made of the last state.
  public enum Head: Sendable, Hashable {
    case none
    /// Scores of every token; `width` of the states they are computed from, after a projection where it differs.
    case language
    /// Dense layer, non-linearity and norm before the scores.
    case masked
    /// tanh of a dense layer of the first position.
    case pooler
    /// Scores of classes from the first position.
    case classes(Int)
    /// The mean of two: from the first and from the second position.
    case distilledClasses(Int)
  }

  /// The architecture, as `model_type` calls it.
  public var architecture: String
  /// What goes in.
  public var input: Input
  /// Channels of the residual stream.
  public var width: Int
  /// Number of layers.
  public var layerCount: Int
  /// Heads of queries.
  public var headCount: Int
  /// Heads of keys and values; queries of `headCount / keyValueHeadCount` heads share each.
  public var keyValueHeadCount: Int
  /// Channels of a head.
  public var headWidth: Int
  /// Channels within the MLP.
  public var mlpWidth: Int
  /// Kind of all norms.
  public var norm = Norm.layer
  /// Added to the variance in a norm.
  public var epsilon: Float
  /// Whether norms come before attention and MLP, or after the sum with the residual stream.
  public var isPreNorm = true
  /// Whether attention and MLP read the same state and are added together.
  public var isParallel = false
  /// Whether a position sees itself and earlier ones only.
  public var isCausal = false
  /// How a position is told.
  public var positions: Positions
  /// Positions that the network was made for.
  public var positionCount: Int
  /// Non-linearity of the MLP.
  public var activation: Activation
  /// Whether a second projection, through the non-linearity, multiplies the first.
  public var isGated = false
  /// Factor of the attention scores by layer; nil for 1/√headWidth.
  public var scoreScales: [Float]?
  /// Tokens put before the patches of an image.
  public var prefixCount = 0
  /// Whether a norm follows the last layer.
  public var hasFinalNorm = true
  /// Whether the last hidden state that `transformers` gives is the one after the final norm.
  public var referenceEndsAfterNorm = true
  /// What is made of the last state.
  public var head = Head.none
  /// Every weight, and where it comes from.
  public var weights = WeightMap()

  /// A plan with what every network has.
  init(
    _ architecture: String, input: Input, width: Int, layers: Int, heads: Int, mlpWidth: Int,
    epsilon: Double, positions: Positions, positionCount: Int, activation: Activation
  ) {
    (self.architecture, self.input, self.width) = (architecture, input, width)
    (layerCount, headCount, keyValueHeadCount) = (layers, heads, heads)
    headWidth = heads > 0 ? width / heads : 0
    (self.mlpWidth, self.epsilon, self.positions) = (mlpWidth, Float(epsilon), positions)
    (self.positionCount, self.activation) = (positionCount, activation)
  }

  /// Number of parameters, each counted once.
  public var parameterCount: Int {
    weights.rules.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }
}
