import Foundation

/// The second-order exponential method ETD2RK of Cox & Matthews (2002, eq. 22): the diffusion exactly, the reaction by
/// a line through its values at both ends.
///
/// a = e^{ΔtL}u + Δt φ₁ N(u); u⁺ = a + Δt φ₂ (N(a) - N(u)), φ₁(z) = (eᶻ - 1)/z, φ₂(z) = (eᶻ - 1 - z)/z².
public struct ExponentialRungeKutta: SemilinearStepper {
  /// The method.
  public init() {}
  /// Name in problem files.
  public let name = "etd2rk"
  /// See ``SemilinearStepper/formula``.
  public let formula =
    "a = e^{ΔtL}u + Δt φ₁(ΔtL) N(u), u⁺ = a + Δt φ₂(ΔtL)(N(a) - N(u)), φ₁(z) = (eᶻ - 1)/z, φ₂(z) = (eᶻ - 1 - z)/z² (Cox and Matthews 2002, eq. 22)."
  /// Order of convergence.
  public let order = 2
  /// Largest stable |λ|Δt; nil where there is none.
  public let stabilityLimit: Double? = nil

  /// One step; see ``SemilinearStepper/step(_:_:_:_:)``.
  public func step(
    _ problem: SemilinearProblem, _ t: Double, _ dt: Double, _ u: [Double]
  ) -> [Double] {
    let n0 = problem.reaction(t, u)
    let a = zip(
      problem.diffusion.function({ exp(dt * $0) }, u),
      problem.diffusion.function({ Self.phi1(dt * $0) }, n0)
    ).map { $0 + dt * $1 }
    let change = zip(problem.reaction(t + dt, a), n0).map { $0 - $1 }
    return combine(a, dt, problem.diffusion.function({ Self.phi2(dt * $0) }, change))
  }

  /// (eᶻ - 1)/z without cancellation.
  static func phi1(_ z: Double) -> Double { z == 0 ? 1 : expm1(z) / z }

  /// (eᶻ - 1 - z)/z²; its Taylor series where the difference would cancel.
  static func phi2(_ z: Double) -> Double {
    guard abs(z) < 0.1 else { return (expm1(z) - z) / (z * z) }
    // Σ zⁿ/(n + 2)!
    return (0..<12).reversed().reduce(0.0) { sum, n in 1 / factorial(n + 2) + z * sum }
  }

  private static func factorial(_ n: Int) -> Double { (1...n).reduce(1.0) { $0 * Double($1) } }
}
