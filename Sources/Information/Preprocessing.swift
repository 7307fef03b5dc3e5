import Foundation

/// Changes of each side, column by column, that leave mutual information as it is, because they are invertible.
public enum Preprocessing: String, Sendable, CaseIterable {
  /// Every column is centred and divided by its standard deviation.
  case standard
  /// Every column's ranks are put in the place of normal quantiles (rank-Gaussian copula); equal values share a rank.
  case rank
  /// asinh of every column over its median distance from its median: tails become short.
  case asinh
  /// Nothing is changed.
  case none

  /// The changed samples.
  public func apply(_ pairs: PairedSamples) -> PairedSamples {
    PairedSamples(trusted: apply(pairs.x), apply(pairs.y))
  }

  func apply(_ samples: SampleMatrix) -> SampleMatrix {
    guard self != .none else { return samples }
    return SampleMatrix(
      columns: (0..<samples.dimension).map { column in
        let values = samples.column(column)
        switch self {
        case .standard: return Self.standardised(values)
        case .rank: return Self.normalScores(values)
        case .asinh: return Self.shortTailed(values)
        case .none: return values
        }
      })
  }

  /// Sums of squares of values like 1e160 or 1e-200 leave the range of numbers, and the mean of values like 1e9 + 1e-6 eats
  /// their difference: values are first brought to the size of 1 by a power of two, which rounds nothing, then their
  /// smallest is subtracted.
  static func standardised(_ values: [Double]) -> [Double] {
    guard let low = values.min(), let high = values.max(), low < high else {
      return [Double](repeating: 0, count: values.count)
    }
    let size = max(abs(low), abs(high)).exponent
    let start = scalbn(low, -Int(size))
    var scaled = values.map { scalbn($0, -Int(size)) - start }
    let range = (scalbn(high, -Int(size)) - start).exponent
    for place in scaled.indices { scaled[place] = scalbn(scaled[place], -Int(range)) }
    let count = Double(values.count)
    let mean = scaled.reduce(0, +) / count
    let variance = scaled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let scale = 1 / variance.squareRoot()
    return scaled.map { ($0 - mean) * scale }
  }

  /// All columns over one power of two, so that the largest value is about 1; offsets that would eat the digits of a column
  /// are taken away.
  static func commonScale(_ side: SampleMatrix) -> SampleMatrix {
    var columns = (0..<side.dimension).map(side.column)
    for place in columns.indices {
      guard let low = columns[place].min(), let high = columns[place].max() else { continue }
      if max(abs(low), abs(high)) / 64 > high / 2 - low / 2 {
        columns[place] = columns[place].map { $0 - low }
      }
    }
    let size = columns.joined().reduce(0) { max($0, abs($1)) }
    guard size > 0 else { return side }
    let power = -Int(size.exponent)
    return SampleMatrix(columns: columns.map { $0.map { scalbn($0, power) } })
  }

  private static func normalScores(_ values: [Double]) -> [Double] {
    shares(values).map(normalQuantile)
  }

  /// The share of values below each, half of it and its equals counted: in (0, 1).
  static func shares(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var result = values
    var start = 0
    while start < order.count {
      var end = start
      while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
      // Blom's plotting position would change nothing but the far tails.
      let rank = Double(start + end) / 2 + 0.5
      for place in start...end { result[order[place]] = rank / Double(values.count) }
      start = end + 1
    }
    return result
  }

  private static func shortTailed(_ values: [Double]) -> [Double] {
    medianScaled(values).map { Foundation.asinh($0) }
  }

  /// Distances from the median over their median.
  static func medianScaled(_ values: [Double]) -> [Double] {
    // Of standardised values, whose differences neither overflow nor vanish.
    let values = standardised(values)
    let sorted = values.sorted()
    let median = sorted[sorted.count / 2]
    let distances = values.map { abs($0 - median) }.sorted()
    let scale = distances[distances.count / 2]
    return values.map { ($0 - median) / (scale > 0 ? scale : 1) }
  }
}

/// Φ⁻¹(p) for 0 < p < 1: Newton steps on the library's erfc, from a rational start (Abramowitz & Stegun 26.2.23).
func normalQuantile(_ p: Double) -> Double {
  let tail = min(p, 1 - p)
  let t = (-2 * log(tail)).squareRoot()
  var x =
    t - (2.515517 + t * (0.802853 + t * 0.010328))
    / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
  for _ in 0..<3 {
    let error = 0.5 * erfc(x / 2.0.squareRoot()) - tail
    x += error * (2 * Double.pi).squareRoot() * exp(x * x / 2)
  }
  return p < 0.5 ? -x : x
}
