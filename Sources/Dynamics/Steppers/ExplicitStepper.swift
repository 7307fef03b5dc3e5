/// Any explicit Runge-Kutta method on the whole right-hand side.
public struct ExplicitStepper: SemilinearStepper {
  /// Its coefficients.
  public let tableau: ButcherTableau

  /// The method of a tableau.
  public init(_ tableau: ButcherTableau) { self.tableau = tableau }

  /// Name in problem files.
  public var name: String { tableau.name }
  /// See ``SemilinearStepper/formula``.
  public var formula: String { tableau.formula }
  /// Order of convergence.
  public var order: Int { tableau.order }
  /// Largest stable |λ|Δt; nil where there is none.
  public var stabilityLimit: Double? { tableau.realStabilityLimit }
  /// No: it takes the whole right-hand side.
  public var usesModes: Bool { false }
  /// See ``SemilinearStepper/longestStableStep(_:)``.
  public func longestStableStep(_ analysis: StabilityAnalysis) -> Double {
    analysis.limit(tableau)
  }

  /// One step; see ``SemilinearStepper/step(_:_:_:_:)``.
  public func step(
    _ problem: SemilinearProblem, _ t: Double, _ dt: Double, _ u: [Double]
  ) -> [Double] {
    Self.step(tableau, problem.rate, t, dt, u)
  }

  /// One step of u' = f(t, u).
  public static func step(
    _ tableau: ButcherTableau, _ rate: (_ t: Double, _ u: [Double]) -> [Double], _ t: Double,
    _ dt: Double, _ u: [Double]
  ) -> [Double] {
    var stages: [[Double]] = []
    for row in tableau.a {
      var stage = u
      for (weight, k) in zip(row, stages) where weight != 0 {
        stage = combine(stage, dt * weight, k)
      }
      stages.append(rate(t + dt * row.reduce(0, +), stage))
    }
    return zip(tableau.b, stages).reduce(u) { combine($0, dt * $1.0, $1.1) }
  }
}

extension ButcherTableau {
  /// One step as a formula, with the coefficients.
  var formula: String {
    func list(_ values: [Double]) -> String {
      "(\(values.map { "\($0)" }.joined(separator: ", ")))"
    }
    let rows = a.enumerated().dropFirst().map { "k_\($0 + 1): \(list($1))" }
    return "u⁺ = u + Δt Σ_i b_i k_i, k_i = f(u + Δt Σ_j a_ij k_j), b = \(list(b))"
      + (rows.isEmpty ? "." : ", a of \(rows.joined(separator: ", ")).")
  }

  /// Largest x with |R(-x)| ≤ 1 for all smaller ones, R the stability function: found by bisection of the first crossing.
  var realStabilityLimit: Double {
    func growth(_ x: Double) -> Double {
      var stages: [Double] = []
      for row in a {
        stages.append(-x * (1 + zip(row, stages).reduce(0) { $0 + $1.0 * $1.1 }))
      }
      return abs(1 + zip(b, stages).reduce(0) { $0 + $1.0 * $1.1 })
    }
    var x = 0.0
    while growth(x + 0.01) <= 1 + 1e-12, x < 100 { x += 0.01 }
    var (low, high) = (x, x + 0.01)
    for _ in 0..<50 {
      let middle = (low + high) / 2
      if growth(middle) <= 1 + 1e-12 { low = middle } else { high = middle }
    }
    return low
  }
}
