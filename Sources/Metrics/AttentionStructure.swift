import Arrays
import Foundation

/// What attention maps look like, each by itself: how spread, how far, and how alike the heads of a layer are.
///
/// Means over samples and over the queries that the mask leaves in; rows are divided by their sum over the keys seen. NaN where an
/// entry is not finite.
public struct AttentionStructure: Sendable {
  /// Entropy of a row, nats, `[head]`: 0 for one key, the logarithm of the number of keys seen for the uniform map.
  public private(set) var entropy: [Double]
  /// Mean distance between query and key, `[head]`: on the grid of positions, in positions; of those on the grid.
  public private(set) var distance: [Double]
  /// Mean cosine of the rows of two heads, over all pairs; NaN for one head.
  public private(set) var headSimilarity: Double

  /// The structure of maps `[sample, head, query, key]`; position p lies at row p / columns of the grid, column p % columns, counted
  /// from position `first`: those before, as a class token, have no place, and distances leave them out.
  public init(_ maps: NDArray<Float>, mask: AttentionMask, columns: Int, first: Int = 0) {
    let (samples, heads, positions) = (maps.shape[0], maps.shape[1], maps.shape[2])
    var entropy = [Double](repeating: 0, count: heads)
    var distance = entropy
    var (similarity, rows) = (0.0, 0)
    var placed = [Int](repeating: 0, count: heads)
    let distances = (0..<positions * positions).map { pair -> Float in
      let (query, key) = (pair / positions - first, pair % positions - first)
      guard query >= 0, key >= 0 else { return 0 }
      let down = Double(query / columns - key / columns)
      let across = Double(query % columns - key % columns)
      return Float((down * down + across * across).squareRoot())
    }
    maps.elements.withUnsafeBufferPointer { values in
      for sample in 0..<samples {
        for query in 0..<positions {
          let seen = mask.visibleKeys(sample: sample, query: query)
          guard seen > 0 else { continue }
          rows += 1
          let starts = (0..<heads).map { ((sample * heads + $0) * positions + query) * positions }
          var norms = [Double](repeating: 0, count: heads)
          let units = starts.map { AttentionComparison.unit(of: maps.elements[$0..<$0 + seen]) }
          for (head, start) in starts.enumerated() {
            var (sum, weighted, logs, squares): (Float, Float, Float, Float) = (0, 0, 0, 0)
            for key in 0..<seen {
              let value = values[start + key] * units[head]
              sum += value
              squares += value * value
              weighted += value * distances[query * positions + key]
              // 0 ln 0 is 0.
              logs += value > 0 ? value * log(value) : 0
            }
            let total = sum.isFinite ? Double(max(sum, .leastNormalMagnitude)) : .nan
            entropy[head] += Foundation.log(total) - Double(logs) / total
            // What goes to positions on the grid.
            let share =
              total
              - Double(
                (0..<min(first, seen)).reduce(Float(0)) {
                  $0 + values[start + $1] * units[head]
                })
            if query >= first, !(share <= 0) {
              distance[head] += Double(weighted) / share
              placed[head] += 1
            }
            norms[head] = Double(squares).squareRoot()
          }
          for a in 0..<heads {
            for b in 0..<a {
              var dot: Float = 0
              for key in 0..<seen {
                dot += values[starts[a] + key] * units[a] * (values[starts[b] + key] * units[b])
              }
              let scale = norms[a] * norms[b]
              similarity += scale == 0 ? 0 : Double(dot) / scale
            }
          }
        }
      }
    }
    let count = Double(max(rows, 1))
    self.entropy = entropy.map { $0 / count }
    self.distance = zip(distance, placed).map { $0 / Double(max($1, 1)) }
    let pairs = heads * (heads - 1) / 2
    headSimilarity = pairs > 0 ? similarity / (count * Double(pairs)) : .nan
  }
}
