import Foundation

/// Samples that follow each other and are alike, on both sides: series in time, rows that repeat, sorted rows.
///
/// All estimators, intervals and shuffle nulls here take samples for independent. Of two independent random walks of 1,000
/// steps nearest neighbours find 0.9 nats, since both wander; rank correlations of each side with itself some rows later
/// tell. One side alone may be a series: then pairs are still as good as shuffled.
struct SerialDependence: Sendable {
  /// Independent samples that carry as much, by Bartlett's formula: n / (1 + 2 Σ ρx(l) ρy(l)).
  let effectiveCount: Double
  /// Rank correlations with the row before, the largest of each side's columns.
  let x: Double
  let y: Double

  private static let (rowLimit, columnLimit, lagLimit) = (20_000, 16, 64)

  /// What stands in the order of the rows; nil when nothing does.
  static func find(_ pairs: PairedSamples) -> SerialDependence? {
    guard pairs.count >= 16, !pairs.isConstant else { return nil }
    let rows = Array(0..<min(pairs.count, rowLimit))
    let used = rows.count == pairs.count ? pairs : pairs.rows(rows)
    let sides = [used.x, used.y].map(features)
    if let sorted = [used.x, used.y].firstIndex(where: isSorted) {
      return ofSorted(sides, sorted, rows.count)
    }
    let lags = min(lagLimit, rows.count / 8)
    let found = sides.map { features -> [Double] in
      (1...lags).map { lag in features.map { abs(correlation($0, lag)) }.max() ?? 0 }
    }
    // One correlation in 150,000 of independent samples is larger; both sides must be at once.
    let limit = 4.5 / Double(rows.count).squareRoot()
    let sum = zip(found[0], found[1]).reduce(0.0) { sum, pair in
      min(pair.0, pair.1) > limit ? sum + pair.0 * pair.1 : sum
    }
    guard 1 + 2 * sum > 1.1 else { return nil }
    return SerialDependence(
      effectiveCount: Double(pairs.count) / (1 + 2 * sum), x: found[0][0], y: found[1][0])
  }

  /// In sorted rows the other side follows its trend. Of independent samples it scatters about it without memory, and its
  /// steps are correlated by -½; of a series they are not.
  private static func ofSorted(
    _ sides: [[[Double]]], _ sorted: Int, _ count: Int
  ) -> SerialDependence? {
    let steps = sides[1 - sorted].map { values in
      correlation(zip(values.dropFirst(), values).map { $0 - $1 }, 1)
    }
    guard let largest = steps.max(), largest > -0.35 else { return nil }
    let other = sides[1 - sorted].map { correlation($0, 1) }.max() ?? 0
    let own = sides[sorted].map { correlation($0, 1) }.max() ?? 0
    return SerialDependence(
      effectiveCount: Double(count) * (1 - own * other) / (1 + own * other),
      x: sorted == 0 ? own : other, y: sorted == 0 ? other : own)
  }

  private static func isSorted(_ side: SampleMatrix) -> Bool {
    guard side.dimension == 1 else { return false }
    let pairs = zip(side.values, side.values.dropFirst())
    return pairs.allSatisfy { $0 <= $1 } || pairs.allSatisfy { $0 >= $1 }
  }

  /// Ranks of columns and their distances from the middle (which see a scale that comes and goes); of classes a column of
  /// 0 and 1 each, whatever their numbers.
  private static func features(_ side: SampleMatrix) -> [[Double]] {
    let levels = Levels(side)
    var features: [[Double]] = []
    if levels.areLabels, levels.count <= columnLimit {
      for level in 0..<levels.count {
        features.append(levels.codes.map { Int($0) == level ? 1 : 0 })
      }
    } else {
      let step = max(1, side.dimension / columnLimit)
      for column in stride(from: 0, to: side.dimension, by: step).prefix(columnLimit) {
        let ranks = ranks(side.column(column))
        features.append(ranks)
        features.append(ranks.map { abs($0 - 0.5) })
      }
    }
    return features.map { values in
      let mean = values.reduce(0, +) / Double(values.count)
      return values.map { $0 - mean }
    }
  }

  /// Mean ranks over n.
  private static func ranks(_ values: [Double]) -> [Double] {
    let levels = Levels(column: values)
    var before = 0
    let places = levels.counts.map { count -> Double in
      defer { before += count }
      return (Double(before) + 0.5 * Double(count)) / Double(values.count)
    }
    return levels.codes.map { places[Int($0)] }
  }

  /// Of centred values with themselves `lag` rows later.
  private static func correlation(_ values: [Double], _ lag: Int) -> Double {
    let square = values.reduce(0) { $0 + $1 * $1 }
    guard square > 0 else { return 0 }
    var sum = 0.0
    for row in 0..<values.count - lag { sum += values[row] * values[row + lag] }
    return sum / square
  }
}
