import Foundation
import Kernels

/// Mutual information of a layer cut into bins (Shwartz-Ziv & Tishby 2017), in nats.
///
/// Every channel is cut into `bins` equal bins over its own range in the data, never a fixed range; a sample's T is the
/// pattern of all its bins. I(X;T) = H(T); I(T;Y) = H(T) - Σ_y p(y) H(T|y).
///
/// What does not hold: with more channels than a few, every pattern is its own, H(T) saturates at ln n, and I(T;Y) at
/// H(Y), whatever the layer knows (flag `saturated`): the known artefact of published information planes.
public struct Binning: Sendable {
  private let patterns: [Int]

  /// Of a layer's patterns.
  public init(_ patterns: BinPatterns) { self.patterns = patterns.patterns }

  /// I(X;T) = H(T).
  public func inputInformation(_ plan: ResamplingPlan) -> Estimate {
    let value = Self.entropy(patterns)
    let count = patterns.count
    let (lower, upper) = Resampling.interval(value, count: count, plan) { chosen in
      Self.entropy(chosen.map { patterns[$0] }) - log(Double(chosen.count)) + log(Double(count))
    }
    var flags: Estimate.Flags = [.pairingFree]
    if value > 0.95 * log(Double(count)) { flags.insert(.saturated) }
    if Set(patterns).count == 1 { flags.insert(.constant) }
    return Estimate(
      value: value, null: value, nullUpper: value, lower: lower, upper: upper, flags: flags)
  }

  /// I(T;Y) for the class of each sample.
  public func labelInformation(_ labels: [Int32], _ plan: ResamplingPlan) -> Estimate {
    let value = Self.information(patterns, labels)
    let (lower, upper) = Resampling.interval(value, count: patterns.count, plan) { chosen in
      Self.information(chosen.map { patterns[$0] }, chosen.map { labels[$0] })
    }
    let null = Resampling.null(of: value, count: patterns.count, plan) { order in
      Self.information(patterns, order.map { labels[$0] })
    }
    var flags: Estimate.Flags = []
    if Self.entropy(patterns) > 0.95 * log(Double(patterns.count)) { flags.insert(.saturated) }
    flags.formUnion(null.flags)
    if Set(patterns).count == 1 { flags.insert(.constant) }
    return Estimate(
      value: value, null: null.mean, nullUpper: null.upper, pValue: null.pValue,
      lower: lower, upper: upper, flags: flags)
  }

  /// Plug-in entropy of symbols.
  static func entropy<Symbol: Hashable>(_ symbols: [Symbol]) -> Double {
    var counts: [Symbol: Int] = [:]
    for symbol in symbols { counts[symbol, default: 0] += 1 }
    let total = Double(symbols.count)
    // Sorted, so that the sum does not depend on the order of a hash table.
    return counts.values.sorted().reduce(0) { $0 - Double($1) / total * log(Double($1) / total) }
  }

  private static func information(_ patterns: [Int], _ labels: [Int32]) -> Double {
    struct Pair: Hashable {
      var pattern: Int
      var label: Int32
    }
    let joint = zip(patterns, labels).map { Pair(pattern: $0, label: $1) }
    return entropy(patterns) + entropy(labels) - entropy(joint)
  }
}
