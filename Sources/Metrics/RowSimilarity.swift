import Foundation

/// How alike two distributions over the same keys are, row by row. Rows are `[key]`, non-negative, summing to 1.
public enum RowSimilarity: String, CaseIterable, Sendable {
  /// Cosine of the rows. Two independent random maps over 64 keys already reach 0.94: read it beside its nulls.
  case rawCosine = "raw_cosine"
  /// Cosine of the rows less 1/n: the uniform map says nothing and scores 0.
  case centredCosine = "centred_cosine"
  /// Spearman's rank correlation; ties share their mean rank.
  case rankCorrelation = "rank_correlation"
  /// Jensen-Shannon divergence, nats; 0 for equal rows, at most ln 2. Symmetric.
  case jensenShannon = "jensen_shannon"
  /// Kullback-Leibler divergence of the candidate from the network's row, nats. Not symmetric.
  case kullbackLeibler = "kullback_leibler"

  /// Whether larger means more alike.
  public var growsWithLikeness: Bool {
    switch self {
    case .rawCosine, .centredCosine, .rankCorrelation: true
    case .jensenShannon, .kullbackLeibler: false
    }
  }

  /// Unit of the value.
  public var units: String { growsWithLikeness ? "1" : "nat" }

  /// Words for tables and labels.
  public var title: String {
    switch self {
    case .rawCosine: "raw cosine"
    case .centredCosine: "centred cosine"
    case .rankCorrelation: "rank correlation"
    case .jensenShannon: "Jensen-Shannon divergence"
    case .kullbackLeibler: "Kullback-Leibler divergence"
    }
  }

  /// The value for one pair of rows `[key]`: the candidate's and the network's.
  ///
  /// A row that says nothing (all entries equal) has centred cosine and rank correlation 0 with any other; one with an entry that is
  /// not finite has NaN.
  public func value(_ candidate: UnsafeBufferPointer<Float>, _ network: UnsafeBufferPointer<Float>)
    -> Double
  {
    switch self {
    case .rawCosine: return Self.cosine(candidate, network, shift: 0)
    case .centredCosine:
      return Self.cosine(candidate, network, shift: 1 / Double(max(network.count, 1)))
    case .rankCorrelation:
      guard Self.isFinite(candidate), Self.isFinite(network) else { return .nan }
      let (a, b) = (Self.ranks(candidate), Self.ranks(network))
      return Self.correlation(a, b)
    case .jensenShannon:
      guard Self.isFinite(candidate), Self.isFinite(network) else { return .nan }
      var sum = 0.0
      for i in network.indices {
        let (p, q) = (Double(network[i]), Double(candidate[i]))
        let m = (p + q) / 2
        if p > 0 { sum += p / 2 * log(p / m) }
        if q > 0 { sum += q / 2 * log(q / m) }
      }
      return sum
    case .kullbackLeibler:
      guard Self.isFinite(candidate), Self.isFinite(network) else { return .nan }
      var sum = 0.0
      for i in network.indices where network[i] > 0 {
        let p = Double(network[i])
        sum += p * log(p / max(Double(candidate[i]), Double(Float.leastNormalMagnitude)))
      }
      return sum
    }
  }

  /// Whether all entries are finite: 0 times any other is not 0.
  static func isFinite(_ row: UnsafeBufferPointer<Float>) -> Bool {
    var sum: Float = 0
    for value in row { sum += value * 0 }
    return sum == 0
  }

  private static func cosine(
    _ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>, shift: Double
  ) -> Double {
    var (dot, left, right) = (0.0, 0.0, 0.0)
    for i in a.indices {
      let (x, y) = (Double(a[i]) - shift, Double(b[i]) - shift)
      dot += x * y
      left += x * x
      right += y * y
    }
    guard left.isFinite, right.isFinite else { return .nan }
    // Rounding leaves a uniform row with about 1e-9 a key after the shift.
    let floor = shift > 0 ? 1e-12 : 0
    guard left > floor, right > floor else { return 0 }
    return dot / (left * right).squareRoot()
  }

  /// Ranks from 0; equal values share their mean rank.
  static func ranks(_ values: UnsafeBufferPointer<Float>) -> [Double] {
    let count = values.count
    return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * count) { memory in
      let keys = UnsafeMutableBufferPointer(rebasing: memory[..<count])
      for (place, value) in values.enumerated() {
        // A number of the same order as the value, and the place. Adding 0 makes one zero of the two.
        let bits = (value + 0).bitPattern
        let ordered = bits >> 31 == 0 ? bits | 1 << 31 : ~bits
        keys[place] = UInt64(ordered) << 32 | UInt64(place)
      }
      sort(keys, UnsafeMutableBufferPointer(rebasing: memory[count...]))
      return [Double](unsafeUninitializedCapacity: count) { ranks, initialized in
        var start = 0
        while start < count {
          var end = start
          while end + 1 < count && keys[end + 1] >> 32 == keys[start] >> 32 { end += 1 }
          for index in start...end {
            ranks[Int(keys[index] & 0xFFFF_FFFF)] = Double(start + end) / 2
          }
          start = end + 1
        }
        initialized = count
      }
    }
  }

  /// Sorts by the upper 32 bits, a byte at a time from the lowest: rows are short, and comparing their entries costs more.
  private static func sort(
    _ keys: UnsafeMutableBufferPointer<UInt64>, _ scratch: UnsafeMutableBufferPointer<UInt64>
  ) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: 256) { starts in
      var (source, target) = (keys, scratch)
      // Four passes: the sorted keys come to lie where they began.
      for shift in stride(from: UInt64(32), to: 64, by: 8) {
        starts.update(repeating: 0)
        for key in source { starts[Int(key >> shift & 255)] += 1 }
        var sum: Int32 = 0
        for byte in 0..<256 {
          let count = starts[byte]
          starts[byte] = sum
          sum += count
        }
        for key in source {
          let byte = Int(key >> shift & 255)
          target[Int(starts[byte])] = key
          starts[byte] += 1
        }
        swap(&source, &target)
      }
    }
  }

  private static func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let n = Double(a.count)
    let (meanA, meanB) = (a.reduce(0, +) / n, b.reduce(0, +) / n)
    var (dot, left, right) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      dot += (x - meanA) * (y - meanB)
      left += (x - meanA) * (x - meanA)
      right += (y - meanB) * (y - meanB)
    }
    guard left > 0, right > 0 else { return 0 }
    return dot / (left * right).squareRoot()
  }
}
