import Arrays

/// Compares attention maps with a network's, per sample and head.
public enum AttentionComparison {
  /// Mean over queries of each measure: `[measure][sample, head]`.
  ///
  /// - Parameters:
  ///   - candidate: `[sample, head, query, key]`, or `[1, head, query, key]` for a map that is the same for all samples.
  ///   - network: `[sample, head, query, key]`.
  ///   - order: which candidate sample stands against each network sample; the same one when nil.
  /// - Returns: for each of ``RowSimilarity/allCases``, `sample x head` values, sample by sample.
  public static func compare(
    _ candidate: NDArray<Float>, _ network: NDArray<Float>, order: [Int]? = nil
  ) -> [[Double]] {
    let (samples, heads) = (network.shape[0], network.shape[1])
    let (queries, keys) = (network.shape[2], network.shape[3])
    precondition(
      candidate.shape.dropFirst() == network.shape.dropFirst(), "maps of different shape")
    let shared = candidate.shape[0] == 1
    return candidate.elements.withUnsafeBufferPointer { a in
      network.elements.withUnsafeBufferPointer { b in
        RowSimilarity.allCases.map { measure in
          var values: [Double] = []
          values.reserveCapacity(samples * heads)
          for sample in 0..<samples {
            let other = shared ? 0 : order?[sample] ?? sample
            for head in 0..<heads {
              var sum = 0.0
              for query in 0..<queries {
                let left = ((other * heads + head) * queries + query) * keys
                let right = ((sample * heads + head) * queries + query) * keys
                sum += measure.value(
                  UnsafeBufferPointer(rebasing: a[left..<left + keys]),
                  UnsafeBufferPointer(rebasing: b[right..<right + keys]))
              }
              values.append(sum / Double(queries))
            }
          }
          return values
        }
      }
    }
  }

  /// A derangement of `0..<count`: every sample meets another one.
  public static func shuffled(_ count: Int) -> [Int] {
    let shift = max(1, count / 2)
    return (0..<count).map { ($0 + shift) % count }
  }
}
