extension ButcherTableau {
  /// The classical method of order 4 (Kutta 1901). Stable on the negative real axis for |λ|Δt ≤ 2.785.
  public static let rungeKutta4 = ButcherTableau(
    name: "rk4", a: [[], [0.5], [0, 0.5], [0, 0, 1]], b: [1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6],
    order: 4)
}
