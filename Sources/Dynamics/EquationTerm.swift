/// The terms of the master equation's right-hand side, in the order in which archives keep their sizes.
public enum EquationTerm: Int, Sendable, CaseIterable {
  /// D ∇²u.
  case diffusion
  /// α A(u).
  case attention
  /// R(u, θ, t).
  case reaction

  /// The names in order, as the attribute `flag_meanings` of an axis of terms.
  public static var meanings: String { allCases.map { "\($0)" }.joined(separator: " ") }
}
