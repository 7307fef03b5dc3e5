/// ∂u/∂t = Lu + N(t, u): diffusion, which is linear and stiff, and everything else, which is neither.
public struct SemilinearProblem: Sendable {
  /// L.
  public let diffusion: DiffusionOperator
  /// N, point by point or not.
  public let reaction: @Sendable (_ t: Double, _ u: [Double]) -> [Double]

  /// A problem.
  public init(
    _ diffusion: DiffusionOperator,
    reaction: @escaping @Sendable (_ t: Double, _ u: [Double]) -> [Double]
  ) {
    (self.diffusion, self.reaction) = (diffusion, reaction)
  }

  /// Lu + N(t, u).
  public func rate(_ t: Double, _ u: [Double]) -> [Double] {
    combine(diffusion.apply(u), 1, reaction(t, u))
  }
}

/// One step of a fixed size. `Δt` is a parameter of each step, so that a step size may change between steps.
public protocol SemilinearStepper: Sendable {
  /// Name in problem files.
  var name: String { get }
  /// One step as a formula, u⁺ from u, with L and N of ``SemilinearProblem`` and f = Lu + N.
  var formula: String { get }
  /// Order of convergence in Δt for smooth solutions.
  var order: Int { get }
  /// Largest |λ|Δt for an eigenvalue λ < 0 of the diffusion at which steps do not grow; nil where there is no limit.
  var stabilityLimit: Double? { get }
  /// Whether it works with diffusion's modes; the terms must be ones that can be split off.
  var usesModes: Bool { get }
  /// Longest stable step for the linear terms; infinite when nothing limits it.
  func longestStableStep(_ analysis: StabilityAnalysis) -> Double
  /// u(t + Δt) from u(t).
  func step(_ problem: SemilinearProblem, _ t: Double, _ dt: Double, _ u: [Double]) -> [Double]
}

extension SemilinearStepper {
  /// Diffusion is implicit or exact, by its modes, unless a stepper says otherwise.
  public var usesModes: Bool { true }
  /// Convection as Heun's method has it, which most explicit parts of order 2 are.
  public func longestStableStep(_ analysis: StabilityAnalysis) -> Double {
    analysis.limitOfConvection(.heun)
  }
}

/// u + factor · v
func combine(_ u: [Double], _ factor: Double, _ v: [Double]) -> [Double] {
  [Double](unsafeUninitializedCapacity: u.count) { out, initialized in
    for i in 0..<u.count { out[i] = u[i] + factor * v[i] }
    initialized = u.count
  }
}
