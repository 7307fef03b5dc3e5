import Arrays

/// Where the heads of a layer look: at the position before, at the first, at what followed the same token earlier.
///
/// Means over the queries that see more than one key, of each sample. What the uniform map gives for the same queries is beside
/// each score: as rows sum to 1 it is also what any map gives when its keys are shuffled.
public struct HeadScores: Sendable {
  /// One score.
  public enum Kind: String, Sendable, CaseIterable {
    /// Mean A[q, q - 1].
    case previous
    /// Mean A[q, 0] without the first query.
    case first
    /// Mean A[q, q - T + 1] over the queries of a sequence of period T that have the same token T positions before (Olsson et al.
    /// 2022): 1 for a perfect induction head. NaN for a sample that does not repeat.
    case induction
  }

  /// `[head][sample]` by kind.
  public private(set) var values: [Kind: [[Double]]] = [:]
  /// The uniform map's, `[sample]` by kind.
  public private(set) var uniform: [Kind: [Double]] = [:]

  /// The scores of maps `[sample, head, query, key]`; `periods` are those of the samples' tokens, nil where none repeat.
  public init(_ maps: NDArray<Float>, mask: AttentionMask, periods: [TokenPeriod?]) {
    let (samples, heads, n) = (maps.shape[0], maps.shape[1], maps.shape[3])
    for kind in Kind.allCases {
      var values = [[Double]](
        repeating: [Double](repeating: .nan, count: samples), count: heads)
      var uniform = [Double](repeating: .nan, count: samples)
      for sample in 0..<samples {
        let pairs = Self.pairs(kind, sample, mask, periods[sample])
        guard !pairs.isEmpty else { continue }
        let count = Double(pairs.count)
        uniform[sample] =
          pairs.reduce(0) { $0 + 1 / Double(mask.visibleKeys(sample: sample, query: $1.query)) }
          / count
        for head in 0..<heads {
          let start = (sample * heads + head) * n * n
          values[head][sample] =
            pairs.reduce(0) { $0 + Double(maps.elements[start + $1.query * n + $1.key]) } / count
        }
      }
      (self.values[kind], self.uniform[kind]) = (values, uniform)
    }
  }

  /// Queries of a sample, and the key that the score looks at.
  private static func pairs(
    _ kind: Kind, _ sample: Int, _ mask: AttentionMask, _ period: TokenPeriod?
  ) -> [(query: Int, key: Int)] {
    (1..<max(mask.positions, 1)).compactMap { query in
      guard mask.visibleKeys(sample: sample, query: query) > 0 else { return nil }
      switch kind {
      case .previous: return (query, query - 1)
      case .first: return (query, 0)
      case .induction:
        guard let period, period.queries.contains(query) else { return nil }
        return (query, query - period.length + 1)
      }
    }
  }
}

/// A sequence of tokens that repeats, perhaps between one token before and one behind it (BERT's class token and separator).
public struct TokenPeriod: Sendable, Equatable {
  /// T: how far a token is from its repetition.
  public let length: Int
  /// Positions that have the same token T before.
  public let queries: Range<Int>

  /// The shortest period of which there are two in `tokens`; nil when there is none. A constant sequence says nothing of
  /// induction: a period is 2 at least.
  public init?(_ tokens: some Collection<Int32>) {
    let tokens = Array(tokens)
    let ends = [(0, 0), (1, 0), (0, 1), (1, 1)]
    for (before, behind) in ends {
      let inner = tokens.dropFirst(before).dropLast(behind)
      let values = Array(inner)
      guard values.count >= 4, Set(values).count > 1 else { continue }
      let found = (2...values.count / 2).first { period in
        values.indices.dropFirst(period).allSatisfy { values[$0] == values[$0 - period] }
      }
      guard let found else { continue }
      (length, queries) = (found, before + found..<before + values.count)
      return
    }
    return nil
  }
}
