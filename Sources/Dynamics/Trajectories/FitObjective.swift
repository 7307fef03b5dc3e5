import Kernels
import Transformer

/// What a fit minimises over samples.
public protocol FitObjective<S>: Sendable {
  associatedtype S: KernelScalar
  /// Number of samples.
  var count: Int { get }
  /// Parameters that are fitted beside the equation's.
  var layout: ParameterLayout { get }
  /// Integrates some samples and adds the gradients of their part of the loss. Workers call at the same time.
  func accumulate(_ shard: FitShard<S>) -> FitLoss
}

/// One shard of a step, and where its gradients go.
public struct FitShard<S: KernelScalar> {
  /// Samples of the shard, and how many the whole step has.
  public let samples: ArraySlice<Int>, total: Int
  /// Working memory, and the worker it belongs to.
  public let pass: TrajectoryPass<S>, worker: Int
  /// The objective's own parameters, and the equation's coefficients.
  public let weights: UnsafeMutablePointer<S>, coefficients: UnsafeMutablePointer<S>
  /// Gradients of both.
  public let weightGradients: UnsafeMutablePointer<S>
  /// Gradients of the coefficients.
  public let coefficientGradients: UnsafeMutablePointer<S>
  /// Number of the shard among all shards of all steps: another one draws other random numbers.
  public let index: UInt64
}

/// Loss of a step, a mean over samples; parts that an objective does not have are 0.
public struct FitLoss: Sendable {
  /// Normalised state error.
  public var state = 0.0
  /// Weighted divergence of the maps, mean over rows.
  public var map = 0.0
  /// Cross entropy of the task, nats.
  public var task = 0.0
  /// What is minimised.
  public var total: Double { state + map + task }

  static func + (a: FitLoss, b: FitLoss) -> FitLoss {
    FitLoss(state: a.state + b.state, map: a.map + b.map, task: a.task + b.task)
  }
}
