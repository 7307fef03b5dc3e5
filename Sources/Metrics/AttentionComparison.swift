import Arrays

/// Compares attention maps with a network's, per sample and head.
public enum AttentionComparison {
  /// Mean over queries of each measure: `[measure][sample, head]`.
  ///
  /// Rows are compared over the keys the query can see, the candidate's divided by its sum there; rows that the mask leaves out
  /// do not count, and a sample without any has the value NaN, as has one whose rows are not finite on either side. A row whose sum
  /// is 0 says nothing. Where one key is seen every measure is perfect by itself.
  ///
  /// - Parameters:
  ///   - candidate: `[sample, head, query, key]`, or `[1, head, query, key]` for a map that is the same for all samples; nil for
  ///     the uniform map over what is seen.
  ///   - network: `[sample, head, query, key]`.
  ///   - mask: what each query sees; all keys when nil.
  ///   - order: which candidate sample stands against each network sample; the same one when nil.
  ///   - measures: what is computed.
  /// - Returns: for each measure, `sample x head` values, sample by sample.
  public static func compare(
    _ candidate: NDArray<Float>?, _ network: NDArray<Float>, mask: AttentionMask? = nil,
    order: [Int]? = nil, measures: [RowSimilarity] = RowSimilarity.allCases
  ) -> [[Double]] {
    let (samples, heads) = (network.shape[0], network.shape[1])
    let (queries, keys) = (network.shape[2], network.shape[3])
    precondition(
      candidate.map { $0.shape.dropFirst() == network.shape.dropFirst() } ?? true,
      "maps of different shape")
    let mask = mask ?? AttentionMask(positions: keys)
    let uniform = [Float](repeating: 1, count: keys)
    let shared = candidate?.shape[0] == 1
    var sums = [[Double]](
      repeating: [Double](repeating: 0, count: samples * heads), count: measures.count)
    var row = [Float](repeating: 0, count: keys)
    for sample in 0..<samples {
      let seen = (0..<queries).map { mask.visibleKeys(sample: sample, query: $0) }
      let rows = Double(seen.filter { $0 > 0 }.count)
      let other = shared ? 0 : order?[sample] ?? sample
      for head in 0..<heads {
        for query in 0..<queries where seen[query] > 0 {
          let count = seen[query]
          let left = ((other * heads + head) * queries + query) * keys
          let right = ((sample * heads + head) * queries + query) * keys
          let values = candidate?.elements[left..<left + count] ?? uniform[..<count]
          let unit = Self.unit(of: values)
          let sum = values.reduce(Float(0)) { $0 + $1 * unit }
          // A row that is not finite stays so: 0 times it is not 0.
          let scale = sum > 0 && sum.isFinite ? 1 / sum : 0
          for (place, value) in values.enumerated() { row[place] = value * unit * scale }
          row.withUnsafeBufferPointer { a in
            network.elements.withUnsafeBufferPointer { b in
              for (index, measure) in measures.enumerated() {
                sums[index][sample * heads + head] += measure.value(
                  UnsafeBufferPointer(rebasing: a[..<count]),
                  UnsafeBufferPointer(rebasing: b[right..<right + count]))
              }
            }
          }
        }
        for index in sums.indices { sums[index][sample * heads + head] /= rows }
      }
    }
    return sums
  }

  /// A power of two by which a row keeps its digits and its sum is a number: 1, but for rows far from those of maps.
  static func unit(of row: ArraySlice<Float>) -> Float {
    let largest = row.reduce(Float(0)) { max($0, abs($1)) }
    guard largest > 0, largest.isFinite, largest < 0x1p-50 || largest > 0x1p50 else { return 1 }
    return Float(sign: .plus, exponent: max(-126, min(127, -largest.exponent)), significand: 1)
  }

  /// A derangement of `0..<count`: every sample meets another one.
  public static func shuffled(_ count: Int) -> [Int] {
    let shift = max(1, count / 2)
    return (0..<count).map { ($0 + shift) % count }
  }
}
