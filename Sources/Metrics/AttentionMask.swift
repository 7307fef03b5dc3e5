import Arrays

/// Which keys a query of an attention map can see: the first ones, up to the end of its sample's own positions, and under a
/// causal mask up to itself.
public struct AttentionMask: Sendable {
  /// Positions of each sample that are not padding, `[sample]`; nil for all.
  public let lengths: [Int]?
  /// Whether queries see no later keys.
  public let isCausal: Bool
  /// Number of positions.
  public let positions: Int

  /// A mask of `positions` positions.
  public init(positions: Int, lengths: [Int]? = nil, isCausal: Bool = false) {
    (self.positions, self.lengths, self.isCausal) = (positions, lengths, isCausal)
  }

  /// The mask behind maps `[sample, head, query, key]`: causal when every later key of every query is exactly 0.
  public init(of maps: NDArray<Float>, lengths: [Int]? = nil) {
    let n = maps.shape[3]
    var isCausal = n > 1
    maps.elements.withUnsafeBufferPointer { values in
      var row = 0
      while isCausal, (row + 1) * n <= values.count {
        let query = row % n
        isCausal = values[row * n + query + 1..<(row + 1) * n].allSatisfy { $0 == 0 }
        row += 1
      }
    }
    self.init(positions: n, lengths: lengths, isCausal: isCausal)
  }

  /// Keys that a query of a sample sees. Rows of padding, and of a single key, which say nothing, have none.
  public func visibleKeys(sample: Int, query: Int) -> Int {
    let length = lengths?[sample] ?? positions
    guard query < length else { return 0 }
    let count = isCausal ? query + 1 : length
    return count > 1 ? count : 0
  }
}
