import Foundation

/// ψ(x) = Γ'(x)/Γ(x) for x > 0: recurrence to x ≥ 10, then the asymptotic series (Abramowitz & Stegun 6.3.18).
///
/// Error below 1e-14 of the value away from its zero near 1.4616, absolute there.
func digamma(_ x: Double) -> Double {
  var (x, shift) = (x, 0.0)
  while x < 10 {
    shift -= 1 / x
    x += 1
  }
  let r = 1 / (x * x)
  // Bernoulli numbers B₂ₙ/2n: 1/12, -1/120, 1/252, -1/240, 1/132, -691/32760, 1/12.
  let series =
    r
    * (1.0 / 12
      - r
      * (1.0 / 120
        - r * (1.0 / 252 - r * (1.0 / 240 - r * (1.0 / 132 - r * (691.0 / 32760 - r / 12))))))
  return shift + log(x) - 0.5 / x - series
}

/// ψ(1), ψ(2), … ψ(n), for neighbour counts.
struct DigammaTable: Sendable {
  private let values: [Double]

  init(_ count: Int) {
    var values = [0.0, -0.577_215_664_901_532_86]
    values.reserveCapacity(count + 2)
    for n in 1..<max(count, 2) { values.append(values[n] + 1 / Double(n)) }
    self.values = values
  }

  /// ψ(n), n ≥ 1.
  subscript(n: Int) -> Double { values[n] }
}
