import Foundation
import Kernels

/// Nearest-neighbour information from distances between samples alone (Euclidean norm on each side), for layers of any
/// dimension: ``Kraskov`` eq. 8 between two layers, Ross (2014) between a layer and classes. In nats.
///
/// What does not hold: in thousands of dimensions all distances are nearly equal and values are far too low; they compare
/// layers, and say whether there is anything above the null (flag `highDimension`).
public struct DistanceKraskov: Sendable {
  /// Neighbours unless told otherwise.
  public static let usualNeighborCount = 5

  private let count: Int
  private let distances: [Double]
  private let neighborCount: Int
  private let isHigh: Bool
  private let isConstant: Bool

  /// Of one layer.
  /// - Throws: ``EstimationError`` for fewer than k + 2 samples.
  public init(_ layer: LayerDistances, neighborCount: Int = usualNeighborCount) throws {
    guard layer.count > neighborCount + 1 else {
      throw EstimationError(
        message: "\(neighborCount) neighbours need more than \(neighborCount + 1) samples, found "
          + "\(layer.count)")
    }
    (count, distances) = (layer.count, layer.squared)
    self.neighborCount = neighborCount
    isHigh = layer.dimension > 5
    isConstant = layer.spread <= 0
  }

  /// I(T;Y) for the class of each sample: ψ(n) + ψ(k) - ⟨ψ(n_y)⟩ - ⟨ψ(m)⟩, m the samples within the distance to the k-th
  /// neighbour of the same class. Classes of one sample are left out.
  public func labelInformation(_ labels: [Int32], _ plan: ResamplingPlan) -> Estimate {
    estimate(plan) { chosen, order in
      ross(chosen, labels, order)
    }
  }

  /// I(T;T') with another layer of the same samples.
  public func information(with other: DistanceKraskov, _ plan: ResamplingPlan) -> Estimate {
    requireOfCaller(other.count == count, "two layers of the same samples")
    var estimate = estimate(plan) { chosen, order in kraskov(other, chosen, order) }
    if other.isConstant { estimate.flags.insert(.constant) }
    if hasTies(with: other) { estimate.flags.insert(.ties) }
    return estimate
  }

  /// Whether of more than one sample in twenty another neighbour is as far as the k-th, but for rounding, which then decides how many
  /// are counted: as of counts of tokens, of which many are equally far apart.
  private func hasTies(with other: DistanceKraskov) -> Bool {
    let all = Array(0..<count)
    let tied = all.count { i in
      let radius = radius(i, other, all, nil)
      let near = all.count { j in
        j != i
          && (abs(distances[i * count + j] - radius) <= 1e-6 * radius
            || abs(other.distances[i * count + j] - radius) <= 1e-6 * radius)
      }
      return near > 1
    }
    return 20 * tied > count
  }

  /// Squared distance to the k-th neighbour of sample i among the chosen ones, the larger of both sides'.
  private func radius(
    _ i: Int, _ other: DistanceKraskov, _ chosen: [Int], _ order: [Int]?
  ) -> Double {
    let (x, y) = (i * count, (order?[i] ?? i) * count)
    return Self.smallest(min(neighborCount, chosen.count - 2), chosen) { j in
      j == i ? .infinity : max(distances[x + j], other.distances[y + (order?[j] ?? j)])
    }
  }

  /// The k-th smallest distance of some samples; infinite ones are none.
  @inline(__always)
  private static func smallest(
    _ k: Int, _ samples: [Int], _ distance: (Int) -> Double
  ) -> Double {
    var nearest = [Double](repeating: .infinity, count: k)
    for j in samples {
      let distance = distance(j)
      guard distance < nearest[k - 1] else { continue }
      var place = k - 1
      while place > 0, nearest[place - 1] > distance {
        nearest[place] = nearest[place - 1]
        place -= 1
      }
      nearest[place] = distance
    }
    return nearest[k - 1]
  }

  private func estimate(
    _ plan: ResamplingPlan, _ statistic: (_ chosen: [Int], _ order: [Int]?) -> Double
  ) -> Estimate {
    let all = Array(0..<count)
    let value = statistic(all, nil)
    let interval = Resampling.interval(value, count: count, plan) { statistic($0, nil) }
    let null = Resampling.null(of: value, count: count, plan) { statistic(all, $0) }
    var flags: Estimate.Flags = isHigh ? [.highDimension] : []
    flags.formUnion(null.flags)
    if isConstant { flags.insert(.constant) }
    return Estimate(
      value: value, null: null.mean, nullUpper: null.upper, pValue: null.pValue,
      lower: interval.lower, upper: interval.upper, flags: flags)
  }

  private func kraskov(_ other: DistanceKraskov, _ chosen: [Int], _ order: [Int]?) -> Double {
    let n = chosen.count
    let k = min(neighborCount, n - 2)
    var total = 0.0
    for i in chosen {
      let (x, y) = (i * count, (order?[i] ?? i) * count)
      let radius = radius(i, other, chosen, order)
      var (nx, ny) = (0, 0)
      for j in chosen where j != i {
        nx += distances[x + j] < radius ? 1 : 0
        ny += other.distances[y + (order?[j] ?? j)] < radius ? 1 : 0
      }
      total += digamma(Double(nx + 1)) + digamma(Double(ny + 1))
    }
    return digamma(Double(k)) + digamma(Double(n)) - total / Double(n)
  }

  private func ross(_ chosen: [Int], _ labels: [Int32], _ order: [Int]?) -> Double {
    func label(_ i: Int) -> Int32 { labels[order?[i] ?? i] }
    var members: [Int32: Int] = [:]
    for i in chosen { members[label(i), default: 0] += 1 }
    let kept = chosen.filter { members[label($0)] ?? 0 > 1 }
    guard kept.count > 2 else { return 0 }
    var total = 0.0
    for i in kept {
      let own = members[label(i)] ?? 2
      let k = min(neighborCount, own - 1)
      let radius = Self.smallest(k, kept) { j in
        j == i || label(j) != label(i) ? .infinity : distances[i * count + j]
      }
      var within = 0
      for j in kept where j != i { within += distances[i * count + j] <= radius ? 1 : 0 }
      total += digamma(Double(k)) - digamma(Double(own)) - digamma(Double(within))
    }
    return digamma(Double(kept.count)) + total / Double(kept.count)
  }
}
