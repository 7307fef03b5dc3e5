/// Sizes of one shard of a batch on its way through attention and MLP.
public struct BatchShape: Sendable {
  /// Samples in the shard.
  public var samples: Int
  /// Positions a sample has.
  public var positions: Int
  /// Width of the residual stream.
  public var width: Int
  /// Number of heads.
  public var heads: Int
  /// Width of the MLP.
  public var hidden: Int

  /// All sizes.
  public init(samples: Int, positions: Int, width: Int, heads: Int, hidden: Int) {
    (self.samples, self.positions, self.width) = (samples, positions, width)
    (self.heads, self.hidden) = (heads, hidden)
  }

  /// Rows of a `[sample, position]` matrix.
  public var rows: Int { samples * positions }
  /// Elements of a residual stream `[sample, position, channel]`.
  public var stream: Int { rows * width }
  /// Elements of an attention map `[sample, head, query, key]`.
  public var map: Int { samples * heads * positions * positions }
  /// Channels a head works on.
  public var headWidth: Int { width / heads }
}
