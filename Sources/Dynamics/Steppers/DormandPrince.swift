import Foundation

/// The pair of orders 5 and 4 of Dormand & Prince (1980) with step control, for any u' = f(t, u).
///
/// A step is taken when the difference of both orders is within `tolerance`, absolute and relative, in the root mean square;
/// the next is 0.9 (1/error)^{1/5} as long, at most five times. The seventh stage is the first of the next step.
public struct DormandPrince: Sendable {
  /// Largest error of a step, absolute and relative.
  public var tolerance: Double
  /// Steps after which it gives up.
  public var stepLimit = 1_000_000

  /// The method.
  public init(tolerance: Double) { self.tolerance = tolerance }

  /// How an integration ended: a value, never an error.
  public enum Outcome: Sendable, Equatable {
    /// At the end asked for.
    case reached
    /// The solution or its rate stopped being finite, or steps fell below the spacing of numbers: a blow-up, at this time.
    case diverged(at: Double)
    /// The step limit was reached at this time.
    case gaveUp(at: Double)
  }

  private var tableau: ButcherTableau { .dormandPrince }
  /// Difference of the weights of both orders.
  private static let e: [Double] = [
    71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40,
  ]
  /// Dense output of order 4 (Hairer, Nørsett & Wanner, Solving ODEs I, section II.6).
  private static let d: [Double] = [
    -12715105075.0 / 11282082432, 0, 87487479700.0 / 32700410799, -10690763975.0 / 1880347072,
    701980252875.0 / 199316789632, -1453857185.0 / 822651844, 69997945.0 / 29380423,
  ]

  /// u at each of `times` (ascending, from the first, which holds `u`) and how it ended; the rows end with the last time that
  /// was reached.
  public func integrate(
    _ u: [Double], at times: [Double], _ rate: (_ t: Double, _ u: [Double]) -> [Double]
  ) -> (rows: [[Double]], outcome: Outcome) {
    var rows: [[Double]] = []
    let outcome = integrate(u, at: times, rate) { rows.append($1) }
    return (rows, outcome)
  }

  /// As ``integrate(_:at:_:)``, showing each row, with its place among the times, as it is reached.
  public func integrate(
    _ u: [Double], at times: [Double], _ rate: (_ t: Double, _ u: [Double]) -> [Double],
    _ show: (_ index: Int, _ u: [Double]) throws -> Void
  ) rethrows -> Outcome {
    guard let start = times.first, let end = times.last else { return .reached }
    var (t, u, next) = (start, u, 1)
    try show(0, u)
    var first = rate(t, u)
    var dt = initialStep(u, first, end - start)
    var steps = 0
    while next < times.count {
      guard steps < stepLimit else { return .gaveUp(at: t) }
      steps += 1
      dt = min(dt, end - t)
      guard dt > 4 * max(abs(t), 1e-300).ulp, first.allSatisfy(\.isFinite) else {
        return .diverged(at: t)
      }
      var stages = [first]
      var stage = u
      for i in 1..<7 {
        stage = u
        for (weight, k) in zip(tableau.a[i], stages) where weight != 0 {
          stage = combine(stage, dt * weight, k)
        }
        stages.append(rate(t + tableau.a[i].reduce(0, +) * dt, stage))
      }
      let error = self.error(u, stage, stages, dt)
      guard error <= 1 else {
        dt *= error.isFinite ? max(0.2, 0.9 * pow(error, -0.2)) : 0.1
        continue
      }
      while next < times.count, times[next] <= t + dt * (1 + 1e-12) {
        try show(next, dense(u, stage, stages, dt, min(1, (times[next] - t) / dt)))
        next += 1
      }
      t += dt
      (u, first) = (stage, stages[6])
      dt *= min(5, 0.9 * pow(max(error, 1e-10), -0.2))
    }
    return .reached
  }

  private func initialStep(_ u: [Double], _ rate: [Double], _ span: Double) -> Double {
    let size = u.map(abs).max() ?? 0
    let speed = rate.map(abs).max() ?? 0
    return min(span, speed > 0 ? 0.01 * max(size, 1e-3) / speed : span / 100)
  }

  private func error(_ u: [Double], _ v: [Double], _ stages: [[Double]], _ dt: Double) -> Double {
    var total = 0.0
    for i in u.indices {
      var difference = 0.0
      for (weight, k) in zip(Self.e, stages) { difference += weight * k[i] }
      let scale = tolerance * (1 + max(abs(u[i]), abs(v[i])))
      total += dt * difference / scale * (dt * difference / scale)
    }
    return (total / Double(u.count)).squareRoot()
  }

  private func dense(
    _ u: [Double], _ v: [Double], _ stages: [[Double]], _ dt: Double, _ s: Double
  ) -> [Double] {
    if s == 1 { return v }
    return u.indices.map { i in
      let rise = v[i] - u[i]
      let bend = dt * stages[0][i] - rise
      let last = rise - dt * stages[6][i] - bend
      let extra = dt * zip(Self.d, stages).reduce(0) { $0 + $1.0 * $1.1[i] }
      return u[i] + s * (rise + (1 - s) * (bend + s * (last + (1 - s) * extra)))
    }
  }
}

extension ButcherTableau {
  /// The method of order 5 alone, with fixed steps; its last stage is the end of the step.
  public static let dormandPrince = ButcherTableau(
    name: "dopri5",
    a: [
      [], [1.0 / 5], [3.0 / 40, 9.0 / 40], [44.0 / 45, -56.0 / 15, 32.0 / 9],
      [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
      [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
      [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84],
    ],
    b: [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0], order: 5)
}
