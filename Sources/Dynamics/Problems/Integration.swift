import Foundation
import Kernels

/// How an integration ended: a value, never an error.
public enum IntegrationOutcome: Sendable, Equatable {
  /// At the end asked for.
  case reached
  /// The solution or its rate stopped being finite, or grew in steps at the spacing of numbers, at this time; `place` is the
  /// number of the field that was the largest before.
  case diverged(at: Double, place: Int)
  /// The step limit of step control was reached at this time.
  case gaveUp(at: Double)
  /// Step control asks for steps below the spacing of numbers, though nothing grows, from this time on.
  case stalled(at: Double)
}

/// Integrates a problem and shows snapshots at equal times.
public struct Integration: Sendable {
  /// The solution at one time.
  public struct Snapshot: Sendable {
    /// Time.
    public let time: Double
    /// The field.
    public let u: [Double]
    /// ∂u/∂t, second order only.
    public let velocity: [Double]?
  }

  /// Where an integration stands between two steps: enough to go on to the same bits.
  public struct Position: Sendable, Equatable {
    /// Snapshots shown after the first, and steps since the last of them; no steps under step control.
    public var snapshot: Int, step: Int
    /// The field.
    public var u: [Double]
    /// ∂u/∂t, second order only.
    public var velocity: [Double]?
    /// Where step control stands.
    public var adaptive: DormandPrince.Position?

    /// All of it.
    public init(
      snapshot: Int, step: Int, u: [Double], velocity: [Double]? = nil,
      adaptive: DormandPrince.Position? = nil
    ) {
      (self.snapshot, self.step, self.u) = (snapshot, step, u)
      (self.velocity, self.adaptive) = (velocity, adaptive)
    }
  }

  /// The problem.
  public let problem: FieldProblem
  /// The method.
  public let method: Method
  /// End, and times of snapshots after the first.
  public let end: Double, snapshots: Int
  /// Step, of which a whole number fits between two snapshots; the longest not above the one asked for. Step control has none.
  public let stepSize: Double
  /// Steps between two snapshots.
  public let stepsPerSnapshot: Int
  /// Largest error of a step under step control, of how far the field has gone.
  public let tolerance: Double
  private let pool: WorkerPool
  /// One step of a method with a fixed step and of first order in time.
  private let advance: @Sendable (_ t: Double, _ u: [Double]) -> [Double]

  /// An integration to `end` with `snapshots` snapshots after the first.
  /// - Throws: ``ProblemError`` when the method does not suit the problem.
  public init(
    _ problem: FieldProblem, _ method: Method, end: Double, snapshots: Int, stepSize: Double,
    tolerance: Double = 1e-9, pool: WorkerPool
  ) throws {
    (self.problem, self.method, self.end, self.snapshots) = (problem, method, end, snapshots)
    (self.tolerance, self.pool) = (tolerance, pool)
    if problem.isSecondOrder, !method.isSecondOrder {
      throw ProblemError(
        "\(method.rawValue) is of first order in time; an equation of second order takes leapfrog")
    }
    if !problem.isSecondOrder, method.isSecondOrder {
      throw ProblemError(
        "\(method.rawValue) is for second order in time; set time.second_order: true")
    }
    let interval = end / Double(snapshots)
    stepsPerSnapshot = max(1, Int((interval / stepSize - 1e-9).rounded(.up)))
    let stepSize = interval / Double(stepsPerSnapshot)
    self.stepSize = stepSize
    switch method.kind {
    case .fixed(let stepper as ExplicitStepper):
      advance = { t, u in
        ExplicitStepper.step(stepper.tableau, problem.rate, t, stepSize, u)
      }
    case .fixed(let stepper):
      let semilinear = try problem.semilinear()
      advance = { t, u in stepper.step(semilinear, t, stepSize, u) }
    case .adaptive, .secondOrder:
      advance = { _, _ in
        preconditionFailure("step control and the leapfrog have loops of their own")
      }
    }
  }

  /// Steps in all; nil under step control.
  public var stepCount: Int? { method.isAdaptive ? nil : snapshots * stepsPerSnapshot }

  /// Longest stable step; infinite when nothing limits it.
  public var stabilityLimit: Double {
    switch method.kind {
    case .fixed(let stepper): stepper.longestStableStep(StabilityAnalysis(problem))
    case .secondOrder: StabilityAnalysis(problem).leapfrogLimit
    case .adaptive: .infinity
    }
  }

  /// Step control, with no step longer than the linear terms allow: beyond that the fastest modes grow out of round-off until
  /// they are as large as the tolerance, and a field that decays ends in them.
  var adaptive: DormandPrince {
    DormandPrince(
      tolerance: tolerance, unitCount: problem.channels, longestStep: longestAdaptiveStep)
  }

  /// Longest step of step control; infinite when no linear term limits it. Nine tenths of the stability limit, where the fastest
  /// mode neither grows nor decays.
  public var longestAdaptiveStep: Double {
    let limit = StabilityAnalysis(problem).limit(.dormandPrince)
    return limit > 0 ? 0.9 * limit : .infinity
  }

  /// Whether step control cannot reach the end in its steps, because the linear terms limit them.
  public var isTooStiff: Bool {
    method.isAdaptive && end > longestAdaptiveStep * Double(adaptive.stepLimit)
  }

  /// Asked before each step (some of fused ones) whether to go on, told where the integration stands: what it throws ends it.
  public typealias Check = (_ position: Position) throws -> Void

  /// Integrates from `u` (and `velocity`, second order; 0 when nil). Every snapshot is shown as it is reached, the first at
  /// time 0; what was shown before a divergence is finite. With a `position` it goes on from there, and shows what comes after.
  public func run(
    _ u: [Double], velocity: [Double]? = nil, from position: Position? = nil,
    check: Check = { _ in }, _ show: (Snapshot) throws -> Void
  ) throws -> IntegrationOutcome {
    let velocity = problem.isSecondOrder ? velocity ?? u.map { _ in 0 } : nil
    if position == nil { try show(Snapshot(time: 0, u: u, velocity: velocity)) }
    let position = position ?? Position(snapshot: 0, step: 0, u: u, velocity: velocity)
    switch method.kind {
    case .adaptive: return try runAdaptive(u, position, check, show)
    case .secondOrder: return try runLeapfrog(position, check, show)
    case .fixed:
      if method == .euler, let fused = FusedEuler(problem, pool: pool) {
        return try runFused(fused, position, check, show)
      }
      return try runSteps(position, check, show)
    }
  }

  private func time(_ snapshot: Int, _ step: Int) -> Double {
    end * (Double(snapshot) + Double(step) / Double(stepsPerSnapshot)) / Double(snapshots)
  }

  private static func isFinite(_ u: [Double]) -> Bool {
    // A sum of finite numbers may overflow; then each is looked at.
    u.reduce(0, +).isFinite || u.allSatisfy(\.isFinite)
  }

  private static func largest(_ u: [Double]) -> Int {
    u.indices.max { abs(u[$0]) < abs(u[$1]) } ?? 0
  }

  private func runSteps(
    _ position: Position, _ check: Check, _ show: (Snapshot) throws -> Void
  ) throws -> IntegrationOutcome {
    var u = position.u
    for snapshot in position.snapshot..<snapshots {
      for step in (snapshot == position.snapshot ? position.step : 0)..<stepsPerSnapshot {
        try check(Position(snapshot: snapshot, step: step, u: u))
        let t = time(snapshot, step)
        let next = advance(t, u)
        guard Self.isFinite(next) else {
          return .diverged(at: time(snapshot, step + 1), place: Self.largest(u))
        }
        u = next
      }
      try show(Snapshot(time: time(snapshot + 1, 0), u: u, velocity: nil))
    }
    return .reached
  }

  private func runLeapfrog(
    _ position: Position, _ check: Check, _ show: (Snapshot) throws -> Void
  ) throws -> IntegrationOutcome {
    var (u, v) = (position.u, position.velocity ?? position.u.map { _ in 0 })
    for snapshot in position.snapshot..<snapshots {
      for step in (snapshot == position.snapshot ? position.step : 0)..<stepsPerSnapshot {
        try check(Position(snapshot: snapshot, step: step, u: u, velocity: v))
        let t = time(snapshot, step)
        let next = Leapfrog().step(u, v, stepSize) { problem.rate(t, $0) }
        guard Self.isFinite(next.u), Self.isFinite(next.v) else {
          return .diverged(at: time(snapshot, step + 1), place: Self.largest(u))
        }
        (u, v) = next
      }
      try show(Snapshot(time: time(snapshot + 1, 0), u: u, velocity: v))
    }
    return .reached
  }

  private func runAdaptive(
    _ start: [Double], _ position: Position, _ check: Check, _ show: (Snapshot) throws -> Void
  ) throws -> IntegrationOutcome {
    let times = (0...snapshots).map { time($0, 0) }
    // The last that was shown, for where it diverged.
    var last = position.u
    let outcome = try adaptive.integrate(
      start, at: times, problem.rate, from: position.adaptive,
      check: { adaptive in
        try check(Position(snapshot: adaptive.next - 1, step: 0, u: last, adaptive: adaptive))
      }
    ) { index, u in
      last = u
      if index > 0 { try show(Snapshot(time: times[index], u: u, velocity: nil)) }
    }
    switch outcome {
    case .reached: return .reached
    case .gaveUp(let at): return .gaveUp(at: at)
    case .stalled(let at): return .stalled(at: at)
    case .diverged(let at): return .diverged(at: at, place: Self.largest(last))
    }
  }

  /// Steps of a field of `count` numbers between two looks at it: 64, fewer where those would take longer than half a second.
  private static func batch(_ count: Int) -> Int { max(8, min(64, 1 << 30 / max(count, 1))) }

  /// Steps are checked some at a time; where they leave the finite numbers they are taken again one by one.
  private func runFused(
    _ fused: FusedEuler, _ position: Position, _ check: Check,
    _ show: (Snapshot) throws -> Void
  ) throws -> IntegrationOutcome {
    fused.field = position.u
    var safe = position.u
    for snapshot in position.snapshot..<snapshots {
      var done = snapshot == position.snapshot ? position.step : 0
      while done < stepsPerSnapshot {
        try check(Position(snapshot: snapshot, step: done, u: safe))
        let count = min(Self.batch(fused.count), stepsPerSnapshot - done)
        fused.advance(stepSize, steps: count)
        let field = fused.field
        guard Self.isFinite(field) else {
          // One of these leaves the finite numbers, by the same arithmetic.
          fused.field = safe
          var step = 0
          while step < count {
            fused.advance(stepSize, steps: 1)
            step += 1
            let next = fused.field
            guard Self.isFinite(next) else { break }
            safe = next
          }
          return .diverged(at: time(snapshot, done + step), place: Self.largest(safe))
        }
        safe = field
        done += count
      }
      try show(Snapshot(time: time(snapshot + 1, 0), u: safe, velocity: nil))
    }
    return .reached
  }
}
