/// (I - ΔtL) u⁺ = u + Δt N(u): diffusion implicit, everything else explicit. Order 1; damps all modes of the diffusion.
public struct ImplicitExplicitEuler: SemilinearStepper {
  /// The method.
  public init() {}
  /// Name in problem files.
  public let name = "imex-euler"
  /// See ``SemilinearStepper/formula``.
  public let formula = "u⁺ = (1 - ΔtL)⁻¹(u + Δt N(u))."
  /// Order of convergence.
  public let order = 1
  /// Largest stable |λ|Δt; nil where there is none.
  public let stabilityLimit: Double? = nil
  /// See ``SemilinearStepper/longestStableStep(_:)``.
  public func longestStableStep(_ analysis: StabilityAnalysis) -> Double {
    analysis.limitOfConvection(.euler)
  }

  /// One step; see ``SemilinearStepper/step(_:_:_:_:)``.
  public func step(
    _ problem: SemilinearProblem, _ t: Double, _ dt: Double, _ u: [Double]
  ) -> [Double] {
    problem.diffusion.function(
      { 1 / (1 - dt * $0) }, combine(u, dt, problem.reaction(t, u)))
  }
}

/// The L-stable second-order pair ARS(2,2,2) of Ascher, Ruuth & Spiteri (1997, section 2.6), γ = 1 - 1/√2.
public struct ImplicitExplicitSecond: SemilinearStepper {
  /// The method.
  public init() {}
  /// Name in problem files.
  public let name = "imex-ars222"
  /// See ``SemilinearStepper/formula``.
  public let formula =
    "γ = 1 - 1/√2, δ = -2√2/3; u₁ = (1 - γΔtL)⁻¹(u + γΔt N(u)), u₂ = (1 - γΔtL)⁻¹(u + (1 - γ)Δt Lu₁ + δΔt N(u) + (1 - δ)Δt N(u₁)), "
    + "u⁺ = u + Δt[(1 - γ)(Lu₁ + N(u₁)) + γ(Lu₂ + N(u₂))] (Ascher, Ruuth and Spiteri 1997, section 2.6)."
  /// Order of convergence.
  public let order = 2
  /// Largest stable |λ|Δt; nil where there is none.
  public let stabilityLimit: Double? = nil

  /// One step; see ``SemilinearStepper/step(_:_:_:_:)``.
  public func step(
    _ problem: SemilinearProblem, _ t: Double, _ dt: Double, _ u: [Double]
  ) -> [Double] {
    let gamma = 1 - 0.5.squareRoot()
    let delta = -2 * 2.0.squareRoot() / 3
    func solve(_ value: [Double]) -> [Double] {
      problem.diffusion.function({ 1 / (1 - gamma * dt * $0) }, value)
    }
    // Explicit stages at 0, γ, 1 with weights 0, 1 - δ', …: rows (γ), (δ, 1 - δ); b = (0, 1 - γ, γ).
    let n0 = problem.reaction(t, u)
    let first = solve(combine(u, gamma * dt, n0))
    let n1 = problem.reaction(t + gamma * dt, first)
    let l1 = problem.diffusion.apply(first)
    var right = combine(u, (1 - gamma) * dt, l1)
    right = combine(combine(right, delta * dt, n0), (1 - delta) * dt, n1)
    let second = solve(right)
    let n2 = problem.reaction(t + dt, second)
    let l2 = problem.diffusion.apply(second)
    var result = combine(combine(u, (1 - gamma) * dt, l1), gamma * dt, l2)
    result = combine(combine(result, (1 - gamma) * dt, n1), gamma * dt, n2)
    return result
  }
}
