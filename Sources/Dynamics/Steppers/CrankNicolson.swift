/// Crank & Nicolson (1947) for the diffusion, with the reaction by the explicit trapezoid. Order 2.
///
/// u* = (I - ½ΔtL)⁻¹ [(I + ½ΔtL) u + Δt N(u)], then N by ½ (N(u) + N(u*)). Stable for any Δt in the diffusion; fast modes
/// are not damped but change sign, so rough initial fields ring.
public struct CrankNicolson: SemilinearStepper {
  /// The method.
  public init() {}
  /// Name in problem files.
  public let name = "crank-nicolson"
  /// See ``SemilinearStepper/formula``.
  public let formula =
    "u* = (1 - ΔtL/2)⁻¹[(1 + ΔtL/2)u + Δt N(u)], then u⁺ = (1 - ΔtL/2)⁻¹[(1 + ΔtL/2)u + Δt (N(u) + N(u*))/2] (Crank and Nicolson 1947)."
  /// Order of convergence.
  public let order = 2
  /// Largest stable |λ|Δt; nil where there is none.
  public let stabilityLimit: Double? = nil

  /// One step; see ``SemilinearStepper/step(_:_:_:_:)``.
  public func step(
    _ problem: SemilinearProblem, _ t: Double, _ dt: Double, _ u: [Double]
  ) -> [Double] {
    let half = problem.diffusion.function({ 1 + 0.5 * dt * $0 }, u)
    func solve(_ rate: [Double]) -> [Double] {
      problem.diffusion.function({ 1 / (1 - 0.5 * dt * $0) }, combine(half, dt, rate))
    }
    let before = problem.reaction(t, u)
    let after = problem.reaction(t + dt, solve(before))
    return solve(zip(before, after).map { 0.5 * ($0 + $1) })
  }
}
