import Foundation

/// The different values of a side, and how often each stands in it.
struct Levels: Sendable {
  /// The number of each sample's value: by size for one column, by first appearance for more.
  let codes: [Int32]
  /// How often each value stands in the samples.
  let counts: [Int]
  /// The values of one column in ascending order, one for each level; empty for more columns.
  let values: [Double]

  /// Number of different values.
  var count: Int { counts.count }
  /// Whether some value stands in the samples twice.
  var hasTies: Bool { count < codes.count }

  /// Of one column. Values that differ by rounding alone (64 units in the last place and a millionth of the median gap),
  /// as sums of decimals do, are one.
  init(column: [Double]) {
    let order = column.indices.sorted { column[$0] < column[$1] }
    var gaps: [Double] = []
    for (a, b) in zip(order, order.dropFirst()) where column[b] > column[a] {
      gaps.append(column[b] - column[a])
    }
    gaps.sort()
    let limit = gaps.isEmpty ? 0 : 1e-6 * gaps[gaps.count / 2]
    var codes = [Int32](repeating: 0, count: column.count)
    var (counts, values): ([Int], [Double]) = ([], [])
    for (place, row) in order.enumerated() {
      let gap = place == 0 ? .infinity : column[row] - column[order[place - 1]]
      if gap > 0, gap > limit || gap > 64 * column[row].ulp {
        counts.append(0)
        values.append(column[row])
      }
      counts[counts.count - 1] += 1
      codes[row] = Int32(counts.count - 1)
    }
    (self.codes, self.counts, self.values) = (codes, counts, values)
  }

  /// Of whole samples.
  init(_ samples: SampleMatrix) {
    guard samples.dimension > 1 else {
      self = Levels(column: samples.values)
      return
    }
    var known: [UInt64: Int32] = [:]
    var codes = [Int32](repeating: 0, count: samples.count)
    var counts: [Int] = []
    for row in 0..<samples.count {
      // 64-bit hashes: two of a million samples differ unseen with a chance of 1e-8.
      var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
      for column in 0..<samples.dimension {
        // Adding 0 makes -0 and 0 one.
        hash = (hash ^ (samples[row, column] + 0).bitPattern) &* 0xBF58_476D_1CE4_E5B9
        hash ^= hash >> 31
        hash = hash &* 0x94D0_49BB_1331_11EB
        hash ^= hash >> 29
      }
      let code = known[hash] ?? Int32(counts.count)
      if code == Int32(counts.count) {
        known[hash] = code
        counts.append(0)
      }
      counts[Int(code)] += 1
      codes[row] = code
    }
    self.codes = codes
    self.counts = counts
    values = []
  }

  /// Whether the values are names of classes rather than measurements: few against the samples, and not the equal steps of
  /// rounded numbers unless there are 20 or fewer.
  var areLabels: Bool {
    guard count > 1 else { return false }
    if count <= 20 { return 5 * count <= codes.count }
    return 10 * count <= codes.count && !areEvenlySpaced
  }

  /// Whether all gaps of a column are multiples of the smallest, as rounding leaves them.
  var areEvenlySpaced: Bool {
    guard values.count > 2 else { return false }
    let gaps = zip(values.dropFirst(), values).map { $0 - $1 }
    guard let step = gaps.min(), step > 0 else { return false }
    let blur = 4 * max(abs(values[0]), abs(values[values.count - 1])).ulp / step
    return gaps.allSatisfy { gap in
      let steps = gap / step
      return abs(steps - steps.rounded()) <= 1e-3 + blur * (1 + steps)
    }
  }
}
