extension ButcherTableau {
  /// Euler's method, order 1. Stable on the negative real axis for |λ|Δt ≤ 2.
  public static let euler = ButcherTableau(name: "euler", a: [[]], b: [1], order: 1)
}
