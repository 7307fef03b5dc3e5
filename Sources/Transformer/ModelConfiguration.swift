/// The shape of a Transformer: what a position brings in, the layers, and what comes out.
public struct ModelConfiguration: Sendable, Hashable {
  /// What a position brings in.
  public var input: Input
  /// Number of positions n, the class token's included.
  public var positionCount: Int
  /// Width of the residual stream, d_model.
  public var width: Int
  /// Number of heads H; divides `width`.
  public var headCount: Int
  /// Number of layers L.
  public var layerCount: Int
  /// Width of the MLP, d_mlp.
  public var mlpWidth: Int
  /// Number of classes, or of tokens for next-token prediction.
  public var classCount: Int
  /// What everything else is; the default is the canonical pre-norm encoder.
  public var variant: Variant
  /// Added to the variance, or the mean square, in normalisation.
  public var epsilon: Double = 1e-5
  /// A Gaussian channel in the residual stream, or none.
  public var bottleneck: Bottleneck?
  /// PDE-guided layers, in the order of depth.
  public var refinements: [Refinement] = []
  /// Positions before the grid that a network of others has, class and distillation tokens and registers; none in networks of ours.
  public var leadingTokenCount = 0
  /// Positions as a grid `[row, column]` for refinements; one row for text. The class token is not on it.
  public var grid: (rows: Int, columns: Int) {
    get { (gridRows, (positionCount - classTokenCount) / max(gridRows, 1)) }
    set { gridRows = newValue.rows }
  }
  /// Dimensions of the grid: 1 for a row.
  public var gridDimensions: Int { grid.rows > 1 ? 2 : 1 }
  private var gridRows = 1

  /// What a position brings in.
  public enum Input: Sendable, Hashable {
    /// Numbers, mapped linearly: the pixels of a patch.
    case patches(width: Int)
    /// One of `vocabulary` tokens.
    case tokens(vocabulary: Int)
  }

  /// A variational bottleneck (Alemi et al. 2017): after a layer the stream becomes z = u + σ ε, ε normal, σ learned for each
  /// channel, and the loss gains β times the mean of KL(N(u, σ²) ‖ N(0, 1)), which bounds I(X;Z) from above, in nats.
  public struct Bottleneck: Sendable, Hashable {
    /// The layer after which it lies.
    public var layer: Int
    /// β, the weight of the bound in the loss.
    public var weight: Double

    /// After `layer`, weighted `weight`.
    public init(layer: Int, weight: Double) { (self.layer, self.weight) = (layer, weight) }
  }

  /// All sizes of a Transformer.
  /// - Throws: ``ModelError`` when a size is impossible, or two choices exclude each other.
  public init(
    input: Input, positionCount: Int, width: Int, headCount: Int, layerCount: Int,
    mlpWidth: Int, classCount: Int, variant: Variant = Variant()
  ) throws {
    (self.input, self.positionCount, self.width) = (input, positionCount, width)
    (self.headCount, self.layerCount, self.mlpWidth) = (headCount, layerCount, mlpWidth)
    (self.classCount, self.variant) = (classCount, variant)
    try checkSizes()
    try variant.check(self)
  }

  private func checkSizes() throws {
    for (name, value) in [
      ("input width", inputWidth), ("positions", positionCount), ("width", width),
      ("heads", headCount), ("layers", layerCount), ("mlp", mlpWidth), ("classes", classCount),
    ] where value < 1 {
      throw ModelError(message: "\(name) must be at least 1, found \(value)")
    }
    guard width % headCount == 0 else {
      throw ModelError(
        message: "heads (\(headCount)) must divide width (\(width)); "
          + "try heads: \((1...headCount).last { width % $0 == 0 } ?? 1)")
    }
  }

  /// Channels a head works on, d_head.
  public var headWidth: Int { width / headCount }
  /// Heads of keys and values.
  public var keyValueHeadCount: Int { variant.keyValueHeads ?? headCount }
  /// Numbers a position brings in, or tokens there are.
  public var inputWidth: Int {
    switch input {
    case .patches(let width): width
    case .tokens(let vocabulary): vocabulary
    }
  }
  /// Whether a position brings in a token.
  public var takesTokens: Bool { if case .tokens = input { true } else { false } }
  /// Positions before those of the grid: the class token, and ``leadingTokenCount``.
  public var classTokenCount: Int {
    (variant.pooling == .classToken ? 1 : 0) + leadingTokenCount
  }
  /// Positions that the data fills.
  public var inputCount: Int { positionCount - classTokenCount }
  /// Targets a sample has: 1 class, or a token a position.
  public var targetCount: Int { variant.pooling == .each ? positionCount : 1 }
}

/// An impossible model.
public struct ModelError: Error, Sendable, CustomStringConvertible {
  /// What is impossible, why, and what would do.
  public var message: String
  /// The message.
  public var description: String { message }

  /// An error with this message.
  public init(message: String) { self.message = message }
}
