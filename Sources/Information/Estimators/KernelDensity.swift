import Foundation
import Kernels

/// The pairwise-distance bounds of a Gaussian mixture's entropy (Kolchinsky & Tracey 2017, eq. 10), as estimates of
/// mutual information: from above with the Kullback-Leibler divergence, from below with the Bhattacharyya distance.
///
/// T = h(X) + N(0, σ²): the noise is part of the definition, since I(X; h(X)) of a deterministic continuous layer is not
/// finite. σ is `noise` times the layer's root-mean-square distance from its mean, so that a layer does not gain
/// information by growing.
///
///     I(X;T) ≤ -(1/n) Σ_i ln (1/n) Σ_j exp(-d²_ij / 2σ²)
///     I(T;Y) ≈ I(X;T) - Σ_y p(y) · the same within class y
///
/// What does not hold: I(T;Y) is a difference of two upper bounds, so it is neither; and with every x seen once,
/// I(X;T) reads T alone, so it cannot exceed ln n and no shuffle can change it (flag `pairingFree`).
public struct KernelDensity: Sendable {
  /// Which of the two pairwise bounds on the mixture's entropy.
  public enum Bound: Sendable {
    /// The Kullback-Leibler divergence between components, exp(-d²/2σ²).
    case upper
    /// The Bhattacharyya distance, exp(-d²/8σ²): the same sum with 4σ².
    case lower
  }

  private let count: Int
  private let kernel: [Double]
  private let isConstant: Bool

  /// Kernel values of a layer at relative noise `noise`.
  public init(_ layer: LayerDistances, noise: Double, bound: Bound = .upper) {
    (count, isConstant) = (layer.count, layer.spread <= 0)
    let variance = noise * noise * layer.spread * (bound == .lower ? 4 : 1)
    kernel = layer.squared.map { variance > 0 ? exp(-$0 / (2 * variance)) : 1 }
  }

  /// I(T + N; T' + N') with another layer of the same samples, leaving out each sample itself; see
  /// ``DensityInformation``.
  public func information(with other: KernelDensity, _ plan: ResamplingPlan) -> Estimate {
    let all = Array(0..<count)
    func statistic(_ chosen: [Int], _ order: [Int]?) -> Double {
      var total = 0.0
      for i in chosen {
        let (x, y) = (i * count, (order?[i] ?? i) * count)
        var (both, left, right) = (1e-300, 1e-300, 1e-300)
        for j in chosen where j != i {
          let (a, b) = (kernel[x + j], other.kernel[y + (order?[j] ?? j)])
          both += a * b
          left += a
          right += b
        }
        total += log(both) - log(left) - log(right) + log(Double(chosen.count - 1))
      }
      return total / Double(chosen.count)
    }
    let value = statistic(all, nil)
    let interval = Resampling.interval(value, count: count, plan) { statistic($0, nil) }
    let null = Resampling.null(of: value, count: count, plan) { statistic(all, $0) }
    var flags: Estimate.Flags = []
    flags.formUnion(null.flags)
    if isConstant || other.isConstant { flags.insert(.constant) }
    return Estimate(
      value: value, null: null.mean, nullUpper: null.upper, pValue: null.pValue,
      lower: interval.lower, upper: interval.upper, flags: flags)
  }

  /// I(X;T) with every sample its own x.
  public func inputInformation(_ plan: ResamplingPlan) -> Estimate {
    let value = entropy(Array(0..<count))
    let (lower, upper) = Resampling.interval(value, count: count, plan) {
      entropy($0) - log(Double($0.count)) + log(Double(count))
    }
    var flags: Estimate.Flags = [.pairingFree]
    if value > 0.95 * log(Double(count)) { flags.insert(.saturated) }
    if isConstant { flags.insert(.constant) }
    return Estimate(
      value: value, null: value, nullUpper: value, lower: lower, upper: upper, flags: flags)
  }

  /// I(T;Y) for the class of each sample.
  public func labelInformation(_ labels: [Int32], _ plan: ResamplingPlan) -> Estimate {
    let all = Array(0..<count)
    let value = information(all, labels)
    let (lower, upper) = Resampling.interval(value, count: count, plan) {
      information($0, labels)
    }
    let null = Resampling.null(of: value, count: count, plan) { order in
      information(all, order.map { labels[$0] })
    }
    var flags: Estimate.Flags = []
    flags.formUnion(null.flags)
    if isConstant { flags.insert(.constant) }
    return Estimate(
      value: value, null: null.mean, nullUpper: null.upper, pValue: null.pValue,
      lower: lower, upper: upper, flags: flags)
  }

  /// -(1/m) Σ_i ln (1/m) Σ_j K_ij over the chosen samples.
  private func entropy(_ chosen: [Int]) -> Double {
    var total = 0.0
    for i in chosen {
      var sum = 0.0
      for j in chosen { sum += kernel[i * count + j] }
      total -= log(sum / Double(chosen.count))
    }
    return total / Double(chosen.count)
  }

  /// (1/m) Σ_i [ln mean over the class of K_ij - ln mean over all of K_ij].
  private func information(_ chosen: [Int], _ labels: [Int32]) -> Double {
    var members: [Int32: Int] = [:]
    for i in chosen { members[labels[i], default: 0] += 1 }
    var total = 0.0
    for i in chosen {
      var (all, same) = (0.0, 0.0)
      let label = labels[i]
      for j in chosen {
        let value = kernel[i * count + j]
        all += value
        if labels[j] == label { same += value }
      }
      total += log(same / Double(members[label] ?? 1)) - log(all / Double(chosen.count))
    }
    return total / Double(chosen.count)
  }
}
