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
  /// Heads of keys and values; divides `heads`.
  public var keyValueHeads: Int
  /// Width of the MLP.
  public var hidden: Int

  /// All sizes; as many heads of keys and values as of queries unless told.
  public init(
    samples: Int, positions: Int, width: Int, heads: Int, hidden: Int, keyValueHeads: Int? = nil
  ) {
    (self.samples, self.positions, self.width) = (samples, positions, width)
    (self.heads, self.hidden) = (heads, hidden)
    self.keyValueHeads = keyValueHeads ?? heads
  }

  /// Rows of a `[sample, position]` matrix.
  public var rows: Int { samples * positions }
  /// Elements of a residual stream `[sample, position, channel]`.
  public var stream: Int { rows * width }
  /// Elements of an attention map `[sample, head, query, key]`.
  public var map: Int { samples * heads * positions * positions }
  /// Channels a head works on.
  public var headWidth: Int { width / heads }
  /// Channels of the keys, and of the values.
  public var keyWidth: Int { keyValueHeads * headWidth }
  /// Channels of queries, keys and values side by side.
  public var projectedWidth: Int { width + 2 * keyWidth }
  /// First channel of the keys that query head `head` attends to, within the projected channels.
  func keyChannel(_ head: Int) -> Int { width + head / (heads / keyValueHeads) * headWidth }
  /// First channel of the values that query head `head` mixes, within the projected channels.
  func valueChannel(_ head: Int) -> Int { keyChannel(head) + keyWidth }
}
