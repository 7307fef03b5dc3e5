import Foundation
import Kernels

/// AdamW with linear warm-up, cosine decay and clipping by the global norm.
public struct OptimizerConfiguration: Sendable, Hashable {
  /// Highest learning rate.
  public var rate: Double
  /// Share of all steps over which the rate rises linearly from 0.
  public var warmup: Double
  /// Decoupled weight decay of matrices.
  public var decay: Double
  /// Largest global gradient norm; larger gradients are scaled down to it. Infinite for none.
  public var clip: Double
  /// Decay of the first and second moment, and the constant added to the root.
  public var beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8

  /// The four values a study file names.
  public init(rate: Double, warmup: Double, decay: Double, clip: Double) {
    (self.rate, self.warmup, self.decay, self.clip) = (rate, warmup, decay, clip)
  }

  /// Learning rate of `step` (0-based) of `total`: linear warm-up, then a half cosine to a hundredth.
  public func rate(step: Int, total: Int) -> Double {
    let rise = max(1, Int((warmup * Double(total)).rounded()))
    if step < rise { return rate * Double(step + 1) / Double(rise) }
    let progress = Double(step - rise) / Double(max(1, total - rise))
    return rate * (0.01 + 0.99 * 0.5 * (1 + cos(.pi * min(1, progress))))
  }
}

/// The moments of AdamW beside the weights they move.
public final class Optimizer<S: KernelScalar>: @unchecked Sendable {
  /// Settings.
  public let configuration: OptimizerConfiguration
  /// First moment, laid out as the weights.
  public let first: Buffer<S>
  /// Second moment, laid out as the weights.
  public let second: Buffer<S>
  /// Steps done.
  public var stepCount = 0
  private let ranges: [(offset: Int, count: Int, decays: Bool)]

  /// Zero moments for the parameters of `layout`.
  public init(_ configuration: OptimizerConfiguration, _ layout: ParameterLayout) {
    self.configuration = configuration
    first = Buffer(layout.count)
    second = Buffer(layout.count)
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
    let scale = norm > configuration.clip ? configuration.clip / norm : 1
    for range in ranges {
      S.adamW(
        weights + range.offset, gradient: gradient + range.offset,
        first: first.start + range.offset,
        second: second.start + range.offset, count: range.count,
        AdamWStep(
          rate: S(rate), beta1: S(configuration.beta1), beta2: S(configuration.beta2),
          epsilon: S(configuration.epsilon), decay: range.decays ? S(configuration.decay) : 0,
          correction1: S(1 - pow(configuration.beta1, Double(stepCount))),
          correction2: S(1 - pow(configuration.beta2, Double(stepCount))), gradientScale: S(scale)))
    }
  }
}
