import Foundation
import Kernels

/// How weights are moved: the algorithm, its rate through training, and clipping by the global norm.
public struct OptimizerConfiguration: Sendable, Hashable {
  /// The algorithms.
  public enum Algorithm: String, Sendable, CaseIterable {
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    case adamw
    /// Gradient descent with momentum, m ← μ m + g + λ w, w ← w - rate · m (PyTorch's form).
    case sgd
  }

  /// The algorithm.
  public var algorithm = Algorithm.adamw
  /// Highest learning rate.
  public var rate: Double
  /// How the rate goes through training.
  public var schedule = LearningSchedule.cosine
  /// Share of all steps over which the rate rises linearly from 0.
  public var warmup: Double
  /// Weight decay of matrices: decoupled for AdamW, part of the gradient for SGD.
  public var decay: Double
  /// Largest global gradient norm; larger gradients are scaled down to it. Infinite for none.
  public var clip: Double
  /// μ of SGD.
  public var momentum = 0.9
  /// Decay of the first and second moment, and the constant added to the root.
  public var beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8

  /// The four values most studies name.
  public init(rate: Double, warmup: Double, decay: Double, clip: Double) {
    (self.rate, self.warmup, self.decay, self.clip) = (rate, warmup, decay, clip)
  }

  /// Learning rate of `step` (0-based) of `total`.
  public func rate(step: Int, total: Int) -> Double {
    rate * schedule.factor(step: step, total: total, warmup: warmup)
  }
}

/// The moments of an optimiser beside the weights they move; SGD has only the first.
public final class Optimizer<S: KernelScalar>: @unchecked Sendable {
  /// Settings.
  public let configuration: OptimizerConfiguration
  /// First moment, laid out as the weights.
  public let first: Buffer<S>
  /// Second moment, laid out as the weights; empty for SGD.
  public let second: Buffer<S>
  /// Steps done.
  public var stepCount = 0
  private let ranges: [(offset: Int, count: Int, decays: Bool)]

  /// Zero moments for the parameters of `layout`.
  public init(_ configuration: OptimizerConfiguration, _ layout: ParameterLayout) {
    self.configuration = configuration
    first = Buffer(layout.count)
    second = Buffer(configuration.algorithm == .adamw ? layout.count : 0)
    var ranges: [(offset: Int, count: Int, decays: Bool)] = []
    for entry in layout.entries {
      if let last = ranges.last, last.decays == entry.decays {
        ranges[ranges.count - 1].count += entry.count
      } else {
        ranges.append((entry.offset, entry.count, entry.decays))
      }
    }
    self.ranges = ranges
  }

  /// Moves the weights against `gradient`, whose global norm is `norm`, at learning rate `rate`.
  public func step(
    _ weights: UnsafeMutablePointer<S>, gradient: UnsafePointer<S>, norm: Double, rate: Double
  ) {
    stepCount += 1
    move(weights, gradient: gradient, norm: norm, rate: rate, 0..<first.count)
  }

  /// The step number ``stepCount`` for the weights `part` alone; no weight's step depends on another's.
  func move(
    _ weights: UnsafeMutablePointer<S>, gradient: UnsafePointer<S>, norm: Double, rate: Double,
    _ part: Range<Int>
  ) {
    let scale = norm > configuration.clip ? configuration.clip / norm : 1
    for range in ranges {
      let low = max(range.offset, part.lowerBound)
      let count = min(range.offset + range.count, part.upperBound) - low
      guard count > 0 else { continue }
      let (w, g, m) = (weights + low, gradient + low, first.start + low)
      let decay = range.decays ? configuration.decay : 0
      if configuration.algorithm == .sgd {
        momentum(w, g, m, count, scale: S(scale), decay: S(decay), rate: S(rate))
        continue
      }
      S.adamW(
        w, gradient: g, first: m, second: second.start + low, count: count,
        AdamWStep(
          rate: S(rate), beta1: S(configuration.beta1), beta2: S(configuration.beta2),
          epsilon: S(configuration.epsilon), decay: S(decay),
          correction1: S(1 - pow(configuration.beta1, Double(stepCount))),
          correction2: S(1 - pow(configuration.beta2, Double(stepCount))), gradientScale: S(scale)))
    }
  }

  @specialized(where S == Float)
  private func momentum(
    _ w: UnsafeMutablePointer<S>, _ g: UnsafePointer<S>, _ m: UnsafeMutablePointer<S>,
    _ count: Int, scale: S, decay: S, rate: S
  ) {
    let mu = S(configuration.momentum)
    for i in 0..<count {
      m[i] = mu * m[i] + scale * g[i] + decay * w[i]
      w[i] -= rate * m[i]
    }
  }
}
