extension ButcherTableau {
  /// Heun's method, the explicit trapezoid of order 2. Stable on the negative real axis for |λ|Δt ≤ 2.
  public static let heun = ButcherTableau(name: "heun", a: [[], [1]], b: [0.5, 0.5], order: 2)
}
