/// The coefficients of an explicit Runge-Kutta method (Butcher 1963).
///
/// Stage i: k_i = f(u + Δt Σ_{j<i} a_ij k_j); step: u⁺ = u + Δt Σ b_i k_i.
public struct ButcherTableau: Sendable {
  /// Name in study files.
  public let name: String
  /// Strictly lower triangle, a row a stage.
  public let a: [[Double]]
  /// Weights of the stages.
  public let b: [Double]
  /// Order of convergence for a smooth right-hand side.
  public let order: Int

  /// Number of stages.
  public var stageCount: Int { b.count }
}
