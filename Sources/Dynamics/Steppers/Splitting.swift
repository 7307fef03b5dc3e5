import Foundation

/// Diffusion exactly, then reaction (Lie), or half of it before and half after (Strang 1968). Reactions are stepped by
/// RK4, whose error is of higher order. Orders 1 and 2; boundaries that the reaction does not respect lower Strang's.
public struct Splitting: SemilinearStepper {
  /// Whether it is Strang's.
  public let isSymmetric: Bool

  /// exp(ΔtL) then reaction. Order 1.
  public static let lie = Splitting(isSymmetric: false)
  /// exp(½ΔtL), reaction, exp(½ΔtL). Order 2.
  public static let strang = Splitting(isSymmetric: true)

  /// Name in problem files.
  public var name: String { isSymmetric ? "strang" : "lie" }
  /// See ``SemilinearStepper/formula``.
  public var formula: String {
    let reaction =
      "P is one step of the classical Runge-Kutta method of order 4, of length Δt, of u' = N(u)."
    return isSymmetric
      ? "u⁺ = e^{ΔtL/2} P(e^{ΔtL/2}u); \(reaction)" : "u⁺ = P(e^{ΔtL}u); \(reaction)"
  }
  /// Order of convergence.
  public var order: Int { isSymmetric ? 2 : 1 }
  /// Largest stable |λ|Δt; nil where there is none.
  public var stabilityLimit: Double? { nil }
  /// The reaction's RK4 takes convection.
  public func longestStableStep(_ analysis: StabilityAnalysis) -> Double {
    analysis.limitOfConvection(.rungeKutta4)
  }

  /// One step; see ``SemilinearStepper/step(_:_:_:_:)``.
  public func step(
    _ problem: SemilinearProblem, _ t: Double, _ dt: Double, _ u: [Double]
  ) -> [Double] {
    func diffuse(_ dt: Double, _ u: [Double]) -> [Double] {
      problem.diffusion.function({ exp(dt * $0) }, u)
    }
    if isSymmetric {
      return diffuse(dt / 2, react(problem, t, dt, diffuse(dt / 2, u)))
    }
    return react(problem, t, dt, diffuse(dt, u))
  }

  private func react(
    _ problem: SemilinearProblem, _ t: Double, _ dt: Double, _ u: [Double]
  ) -> [Double] {
    let k1 = problem.reaction(t, u)
    let k2 = problem.reaction(t + dt / 2, combine(u, dt / 2, k1))
    let k3 = problem.reaction(t + dt / 2, combine(u, dt / 2, k2))
    let k4 = problem.reaction(t + dt, combine(u, dt, k3))
    return u.indices.map { u[$0] + dt / 6 * (k1[$0] + 2 * k2[$0] + 2 * k3[$0] + k4[$0]) }
  }
}
