import Kernels
import Transformer

/// The methods that integrate the master equation where it is fitted; each has an exact discrete adjoint.
public enum FitStepper: String, Sendable, CaseIterable {
  /// Explicit Euler, order 1: one step an interval is a network layer whose attention and MLP read the same stream.
  case euler
  /// Heun's method, order 2.
  case heun
  /// The classical method of order 4.
  case rk4
  /// Lie splitting, order 1: an Euler step of diffusion and attention, then one of the reaction, which is the order of a
  /// network's layer.
  case lie

  /// Order of convergence.
  public var order: Int { tableau?.order ?? 1 }

  /// The coefficients of a Runge-Kutta method; nil for one that is none.
  public var tableau: ButcherTableau? {
    switch self {
    case .euler: .euler
    case .heun: .heun
    case .rk4: .rungeKutta4
    case .lie: nil
    }
  }

  /// A method's working memory for `capacity` samples.
  func instance<S: KernelScalar>(_ equation: MasterEquation, capacity: Int)
    -> any TrajectoryStepper<S>
  {
    guard let tableau else { return LieTrajectory(equation, capacity: capacity) }
    return RungeKuttaTrajectory(equation, tableau, capacity: capacity)
  }
}

/// One step of a fitted equation and its adjoint, in memory allocated once.
protocol TrajectoryStepper<S>: AnyObject {
  associatedtype S: KernelScalar
  /// Attention map `[sample, head, query, key]` at the state where the last step began.
  var attentionMap: UnsafeMutablePointer<S> { get }
  /// One term of the equation at `u`.
  func evaluate(
    _ term: EquationTerm, _ u: UnsafePointer<S>, _ coefficients: UnsafeMutablePointer<S>,
    _ shard: Shard,
    to out: UnsafeMutablePointer<S>)
  /// Takes one step of `u` `[sample, position, channel]` in place, by the coefficients of its interval.
  func advance(
    _ u: UnsafeMutablePointer<S>, by stepSize: S, _ coefficients: UnsafeMutablePointer<S>,
    _ shard: Shard)
  /// Turns the gradient `costate` after a step from `u` into that before it, in place, and adds the coefficients' gradients.
  func pullBack(
    _ costate: UnsafeMutablePointer<S>, from u: UnsafePointer<S>, by stepSize: S,
    _ coefficients: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>, _ shard: Shard,
    _ attraction: SelfAttention<S>.Attraction?)
}
