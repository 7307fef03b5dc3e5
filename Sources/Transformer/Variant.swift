extension ModelConfiguration {
  /// The choices that make one Transformer differ from another of the same sizes.
  public struct Variant: Sendable, Hashable {
    /// Where the stream is normalised.
    public var norm: NormPlacement = .pre
    /// How it is normalised.
    public var normKind: NormKind = .layer
    /// Whether attention and MLP add to the stream or replace it.
    public var hasResidual = true
    /// How positions are told apart.
    public var positions: PositionEncoding = .learned
    /// What the MLP does between its matrices.
    public var activation: Activation = .gelu
    /// What the classifier reads.
    public var pooling: Pooling = .mean
    /// Whether a position attends to itself and earlier ones only.
    public var isCausal = false
    /// Whether the classifier's matrix is the token embedding.
    public var isTied = false
    /// Share of the elements dropped after the embedding and of what attention and MLP add, while training.
    public var dropout = 0.0
    /// Heads of keys and values, each shared by as many query heads (Ainslie et al. 2023); nil for one a query head.
    public var keyValueHeads: Int?

    /// The canonical pre-norm encoder.
    public init() {}

    func check(_ model: ModelConfiguration) throws {
      func refuse(_ message: String) throws { throw ModelError(message: message) }
      var takesTokens = false
      if case .tokens = model.input { takesTokens = true }
      if let groups = keyValueHeads, groups < 1 || model.headCount % groups != 0 {
        try refuse("kv_heads (\(groups)) must divide heads (\(model.headCount))")
      }
      if positions == .rotary, model.headWidth % 2 != 0 {
        try refuse(
          "positions: rotary turns pairs of channels, and a head has \(model.headWidth); choose heads "
            + "so that width / heads is even")
      }
      if pooling == .each, !takesTokens {
        try refuse("pool: each predicts a token at every position; patches have none; use mean")
      }
      if pooling == .each, !isCausal {
        try refuse("next-token prediction without a causal mask would read its own targets")
      }
      if pooling == .classToken, isCausal {
        try refuse(
          "pool: class puts its token first, and a causal mask lets the first position see nothing "
            + "else; use mean")
      }
      if isTied, !(takesTokens && pooling == .each) {
        try refuse("tied: true shares the token embedding with next-token scores; there are none")
      }
      guard (0..<1).contains(dropout) else {
        throw ModelError(message: "dropout must be at least 0 and below 1, found \(dropout)")
      }
    }
  }
}

/// Where the stream is normalised.
public enum NormPlacement: String, Sendable, CaseIterable {
  /// Before attention and MLP, and once at the end (Xiong et al. 2020).
  case pre
  /// After each sum (Vaswani et al. 2017); nothing more at the end.
  case post
  /// Nowhere.
  case none
}

/// How a row is normalised.
public enum NormKind: String, Sendable, CaseIterable {
  /// Mean 0 and variance 1, gain and bias (Ba et al. 2016).
  case layer
  /// Mean square 1, gain (Zhang & Sennrich 2019).
  case rms
}

/// How positions are told apart.
public enum PositionEncoding: String, Sendable, CaseIterable {
  /// A learned vector a position is added.
  case learned
  /// Sines and cosines of the position are added (Vaswani et al. 2017, section 3.5); on a grid, row by row.
  case sinusoidal
  /// Queries and keys are turned by the position (Su et al. 2021), halves of a head as pairs, base 10,000.
  case rotary
  /// They are not.
  case none

  /// Base of the wavelengths of sines and rotations.
  public static var base: Double { 10_000 }
}

/// What the MLP does between its matrices.
public enum Activation: String, Sendable, CaseIterable {
  /// x Φ(x), exact.
  case gelu
  /// max(x, 0).
  case relu
  /// A third matrix, and the product of SiLU of one with the other (Shazeer 2020).
  case swiglu
}

/// What the classifier reads.
public enum Pooling: String, Sendable, CaseIterable {
  /// The mean over positions; of a padded sample, over its own.
  case mean
  /// A learned token before the first position.
  case classToken = "class"
  /// Every position: the next token.
  case each
}
