import Foundation

/// The pair of orders 5 and 4 of Dormand & Prince (1980) with step control, for any u' = f(t, u).
///
/// A step is taken when the difference of both orders is within `tolerance` of how far the field has gone, in the root mean
/// square; the next is 0.9 (1/error)^{1/5} as long, at most five times. The seventh stage is the first of the next step.
///
/// How far it has gone is the largest |u - u(0)| so far of a unit's numbers (``unitCount``), this step's end included. So a
/// field of any amplitude, about any offset, in any unit, is integrated to the same relative error: u → a·u + c leaves the steps
/// as they are where it leaves the equation. An absolute tolerance would need to know the unit; one relative to |u| takes the
/// offset of a small signal for its size. What does not hold: what decays far below its first size, or one number far smaller
/// than others of its unit, is known to `tolerance` of the larger, not of itself.
public struct DormandPrince: Sendable {
  /// Largest error of a step, of how far the field has gone.
  public var tolerance: Double
  /// Steps after which it gives up.
  public var stepLimit = 1_000_000
  /// Units among the numbers of the field: number i is in the unit i mod `unitCount`, as channels of cells are.
  public var unitCount: Int
  /// Longest step; where the largest one at which no linear mode grows is known, errors below the tolerance cannot grow either.
  public var longestStep: Double

  /// The method.
  public init(tolerance: Double, unitCount: Int = 1, longestStep: Double = .infinity) {
    precondition(unitCount > 0 && longestStep > 0, "a unit and a step above 0")
    (self.tolerance, self.unitCount, self.longestStep) = (tolerance, unitCount, longestStep)
  }

  /// How an integration ended: a value, never an error.
  public enum Outcome: Sendable, Equatable {
    /// At the end asked for.
    case reached
    /// The solution or its rate stopped being finite, or grew by itself in steps at the spacing of numbers: a blow-up, at this
    /// time.
    case diverged(at: Double)
    /// The step limit was reached at this time.
    case gaveUp(at: Double)
    /// Steps fell to the spacing of numbers though nothing grew, at this time: round-off is above the tolerance.
    case stalled(at: Double)
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

  /// Where an integration stands between two steps: enough to go on to the same bits.
  public struct Position: Sendable, Equatable {
    /// Time, length of the next step, steps done, and place of the next row among the times.
    public var time: Double, step: Double, stepCount: Int, next: Int
    /// The field, its rate, the field at the beginning, and how far each unit has gone from it.
    public var u: [Double], rate: [Double], start: [Double], reach: [Double]

    /// All of it.
    public init(
      time: Double, step: Double, stepCount: Int, next: Int, u: [Double], rate: [Double],
      start: [Double], reach: [Double]
    ) {
      (self.time, self.step, self.stepCount, self.next) = (time, step, stepCount, next)
      (self.u, self.rate, self.start, self.reach) = (u, rate, start, reach)
    }
  }

  /// u at each of `times` (ascending, from the first, which holds `u`) and how it ended; the rows end with the last time that
  /// was reached.
  public func integrate(
    _ u: [Double], at times: [Double], _ rate: (_ t: Double, _ u: [Double]) -> [Double]
  ) -> (rows: [[Double]], outcome: Outcome) {
    var rows: [[Double]] = []
    let outcome = integrate(u, at: times, rate, check: { _ in }) { rows.append($1) }
    return (rows, outcome)
  }

  /// As ``integrate(_:at:_:)``, showing each row, with its place among the times, as it is reached, and asking `check` before each
  /// step whether to go on. With a `position` it goes on from there, and shows what comes after.
  public func integrate(
    _ u: [Double], at times: [Double], _ rate: (_ t: Double, _ u: [Double]) -> [Double],
    from position: Position? = nil, check: (Position) throws -> Void,
    _ show: (_ index: Int, _ u: [Double]) throws -> Void
  ) rethrows -> Outcome {
    guard let start = times.first, let end = times.last else { return .reached }
    precondition(u.count % unitCount == 0, "every unit has as many numbers")
    var (t, u, next) = (start, u, 1)
    var first: [Double]
    var reach = Reach(start: position?.start ?? u, unitCount)
    var dt: Double
    var steps = 0
    if let position {
      (t, u, next, first) = (position.time, position.u, position.next, position.rate)
      (dt, steps, reach.gone) = (position.step, position.stepCount, position.reach)
    } else {
      try show(0, u)
      first = rate(t, u)
      dt = initialStep(u, first, end - start)
    }
    while next < times.count {
      guard steps < stepLimit else { return .gaveUp(at: t) }
      try check(
        Position(
          time: t, step: dt, stepCount: steps, next: next, u: u, rate: first, start: reach.start,
          reach: reach.gone))
      steps += 1
      dt = min(dt, end - t, longestStep)
      guard first.allSatisfy(\.isFinite) else { return .diverged(at: t) }
      guard dt > 4 * max(abs(t), .leastNormalMagnitude).ulp else {
        return grows(u, first, dt) ? .diverged(at: t) : .stalled(at: t)
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
      let (error, gone) = self.error(u, stage, stages, dt, reach)
      guard error <= 1 else {
        dt *= error.isFinite ? max(0.2, 0.9 * pow(error, -0.2)) : 0.1
        continue
      }
      while next < times.count, times[next] <= t + dt * (1 + 1e-12) {
        try show(next, dense(u, stage, stages, dt, min(1, (times[next] - t) / dt)))
        next += 1
      }
      t += dt
      (u, first, reach) = (stage, stages[6], gone)
      dt *= min(5, 0.9 * pow(max(error, 1e-10), -0.2))
    }
    return .reached
  }

  /// A hundredth of the time in which the fastest unit would change by its size; where all are 0 at first, of the whole.
  private func initialStep(_ u: [Double], _ rate: [Double], _ span: Double) -> Double {
    let (sizes, speeds) = (largest(u), largest(rate))
    let times = zip(sizes, speeds).filter { $0 > 0 && $1 > 0 }.map { $0 / $1 }
    return min(span, 0.01 * (times.min() ?? span))
  }

  /// Largest absolute number of each unit.
  private func largest(_ u: [Double]) -> [Double] {
    (0..<unitCount).map { unit in
      stride(from: unit, to: u.count, by: unitCount).reduce(0) { max($0, abs(u[$1])) }
    }
  }

  /// Whether steps of `dt` are short because the field grows: near a pole of u a step is a share of what is left to it, so that u
  /// changes by about that share; round-off makes steps short against any change.
  private func grows(_ u: [Double], _ rate: [Double], _ dt: Double) -> Bool {
    zip(largest(u), largest(rate)).contains { size, speed in speed > 0 && dt * speed > 1e-6 * size }
  }

  /// How far each unit has gone from where it was first.
  private struct Reach {
    let start: [Double]
    var gone: [Double]

    init(start: [Double], _ unitCount: Int) {
      (self.start, gone) = (start, [Double](repeating: 0, count: unitCount))
    }
  }

  /// Root mean square of the difference of both orders over what is allowed, and how far the field has gone with this step.
  private func error(
    _ u: [Double], _ v: [Double], _ stages: [[Double]], _ dt: Double, _ reach: Reach
  ) -> (error: Double, gone: Reach) {
    var gone = reach
    for unit in 0..<unitCount {
      for i in stride(from: unit, to: v.count, by: unitCount) {
        gone.gone[unit] = max(gone.gone[unit], abs(v[i] - reach.start[i]))
      }
    }
    guard gone.gone.allSatisfy(\.isFinite) else { return (.infinity, gone) }
    // No step is told apart from another by less than the rounding of u, a few units in the last place.
    let rounding = largest(v).map { 4 * .ulpOfOne * $0 }
    var total = 0.0
    for i in u.indices {
      var difference = 0.0
      for (weight, k) in zip(Self.e, stages) { difference += weight * k[i] }
      difference *= dt
      guard difference != 0 else { continue }
      let unit = i % unitCount
      let allowed = tolerance * gone.gone[unit] + rounding[unit]
      let ratio = difference / max(allowed, .leastNormalMagnitude)
      total += ratio * ratio
    }
    return ((total / Double(max(u.count, 1))).squareRoot(), gone)
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
