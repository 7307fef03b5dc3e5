import Foundation
import Kernels

/// What the second opinions on an estimate came to, see ``SecondOpinion``.
struct CrossCheck: Sendable {
  /// Values beside the estimate, by what made them.
  private(set) var others: [(name: String, value: Double)] = []
  /// Why the value is in doubt; nil when nothing speaks against it.
  private(set) var doubt: String?

  /// Values farther off than this are another answer: 0.1 nats or 15 %.
  static func tolerance(_ value: Double) -> Double { max(0.1, 0.15 * abs(value)) }

  /// Of a value of an estimator that `auto` chose; `pairs` as they came, `treated` as the estimator took them.
  init(
    _ value: Double, _ estimator: any MutualInformationEstimator, _ pairs: PairedSamples,
    treated: PairedSamples, _ settings: EstimatorChoice.Settings, _ pool: WorkerPool
  ) throws {
    guard value.isFinite else { return }
    let opinions = estimator.secondOpinions(
      settings, dimension: pairs.x.dimension + pairs.y.dimension)
    for opinion in opinions {
      switch opinion {
      case .agreeing(let other): try agree(value, other, pairs, settings, pool)
      case .notAbove(let other): try agreeNotBelow(value, other, pairs, settings, pool)
      case .anyNear(let others): try confirm(value, others, pairs, settings, pool)
      case .growth: try grow(value, estimator, treated, settings, pool)
      case .learning: try learn(value, estimator, treated, settings, pool)
      }
    }
  }

  /// Of a value of an estimator that was asked for by name: the families that are quick and err low say whether it misses
  /// more than the tolerance. Bins lose what lies inside a bin, kernels what is narrower than they are.
  init(
    asked value: Double, _ estimator: any MutualInformationEstimator, _ pairs: PairedSamples,
    _ settings: EstimatorChoice.Settings, _ pool: WorkerPool
  ) throws {
    guard value.isFinite else { return }
    let areLabels = Levels(pairs.x).areLabels || Levels(pairs.y).areLabels
    let families: [SecondOpinion.Other] =
      areLabels ? [.mixed(settings)] : [.neighbours(settings), .gaussian]
    for other in families where other.estimator.name != estimator.name {
      try agreeNotBelow(value, other, pairs, settings, pool)
    }
  }

  /// Most samples that a second family sees.
  private static let sampleLimit = 2000

  private mutating func value(
    of other: SecondOpinion.Other, _ pairs: PairedSamples, _ settings: EstimatorChoice.Settings,
    _ pool: WorkerPool
  ) throws -> Double? {
    var used = pairs
    if !other.seesAll, pairs.count > Self.sampleLimit {
      used = pairs.rows(Array(Self.order(pairs.count, settings).prefix(Self.sampleLimit)))
    }
    let choice = EstimatorChoice.Choice(
      estimator: other.estimator, preprocessing: other.preprocessing, reason: "")
    let treatment = choice.treatment(used, settings)
    // A second opinion that cannot be had (more dimensions than samples, a singular covariance) is none.
    let value: Double
    do {
      value = try choice.estimator(for: treatment).bareValue(treatment.pairs, pool)
    } catch is EstimationError {
      return nil
    }
    others.append((other.estimator.name, value))
    return value
  }

  private static func order(_ count: Int, _ settings: EstimatorChoice.Settings) -> [Int] {
    var random = Philox(seed: settings.seed, purpose: .resampling, index: 1 << 22)
    return random.permutation(count)
  }

  private mutating func agree(
    _ value: Double, _ other: SecondOpinion.Other, _ pairs: PairedSamples,
    _ settings: EstimatorChoice.Settings, _ pool: WorkerPool
  ) throws {
    guard let found = try self.value(of: other, pairs, settings, pool) else { return }
    if abs(found - value) > Self.tolerance(value) {
      doubt = "\(other.estimator.name) gives another value"
    }
  }

  /// The other errs low where it does not hold, so that only a higher value says something.
  private mutating func agreeNotBelow(
    _ value: Double, _ other: SecondOpinion.Other, _ pairs: PairedSamples,
    _ settings: EstimatorChoice.Settings, _ pool: WorkerPool
  ) throws {
    guard let found = try self.value(of: other, pairs, settings, pool) else { return }
    if found - value > Self.tolerance(value) {
      doubt = "\(other.estimator.name) gives a higher value"
    }
  }

  /// The means of four quarters and of two halves of the samples: what is still to come, were the steps to go on as a
  /// geometric series.
  private mutating func grow(
    _ value: Double, _ estimator: any MutualInformationEstimator, _ treated: PairedSamples,
    _ settings: EstimatorChoice.Settings, _ pool: WorkerPool
  ) throws {
    guard treated.count >= 200 else { return }
    let order = Self.order(treated.count, settings)
    func mean(_ parts: Int) throws -> Double {
      let size = treated.count / parts
      return try (0..<parts).reduce(0.0) { sum, part in
        let rows = Array(order[part * size..<(part + 1) * size])
        return try sum + estimator.bareValue(treated.rows(rows), pool) / Double(parts)
      }
    }
    let (quarter, half) = (try mean(4), try mean(2))
    others.append(("\(estimator.name), n/4", quarter))
    others.append(("\(estimator.name), n/2", half))
    let (first, last) = (half - quarter, value - half)
    let ratio = first * last > 0 ? min(0.7, max(0.3, last / first)) : 0.3
    let rest = last * ratio / (1 - ratio)
    if abs(rest) > 0.7 * Self.tolerance(value) { doubt = "the value grows with the samples" }
  }

  /// A trained critic stands alone where no other family comes near its value.
  private mutating func confirm(
    _ value: Double, _ others: [SecondOpinion.Other], _ pairs: PairedSamples,
    _ settings: EstimatorChoice.Settings, _ pool: WorkerPool
  ) throws {
    var found: [Double] = []
    for other in others {
      if let value = try self.value(of: other, pairs, settings, pool) { found.append(value) }
    }
    let reach = Self.tolerance(value)
    if let highest = found.max(), highest > value + reach {
      doubt = "another estimator gives a higher value"
    } else if value > reach, !found.contains(where: { abs($0 - value) <= reach }) {
      doubt = "no other estimator comes near the value"
    }
  }

  /// What a critic learned from a quarter and from half of the samples. Twisted dependences are learned slowly, at a few
  /// percent a doubling with most of them still unseen, so that little growth is enough for doubt.
  private mutating func learn(
    _ value: Double, _ estimator: any MutualInformationEstimator, _ treated: PairedSamples,
    _ settings: EstimatorChoice.Settings, _ pool: WorkerPool
  ) throws {
    guard treated.count >= 800 else {
      doubt = "too few samples to see whether the critic has learned all there is"
      return
    }
    let order = Self.order(treated.count, settings)
    var least = value
    for parts in [4, 2] {
      let rows = Array(order.prefix(treated.count / parts))
      let part = try estimator.bareValue(treated.rows(rows), pool)
      others.append(("\(estimator.name), n/\(parts)", part))
      least = min(least, part)
    }
    if value - least > max(0.04, 0.05 * value) { doubt = "the value grows with the samples" }
  }
}
