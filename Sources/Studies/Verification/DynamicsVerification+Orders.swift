import Dynamics
import Foundation
import Kernels
import Transformer

extension DynamicsVerification {
  /// Every stepper with a fixed step.
  private static let steppers = Integration.Method.allCases.compactMap(\.stepper)

  /// Slopes of ln error over ln Δt at five step sizes: on the full equation, diffusion, attention and a reaction of two
  /// channels, against Dormand-Prince at 1e-13; and on a manufactured solution, whose source depends on time.
  func orders() throws -> [VerificationRow] {
    let (full, fullStart) = try fullEquation()
    let exact = DormandPrince(tolerance: 1e-13).integrate(fullStart, at: [0, 0.8], full.rate)
    let (made, solution) = try manufactured()
    return Self.steppers.map { stepper in
      row(stepper, "full equation", full, fullStart, exact.rows[1])
    }
      + Self.steppers.map { stepper in
        row(stepper, "manufactured solution", made, solution(0), solution(0.8))
      } + [leapfrogOrder(), dormandPrinceOrder(), denseOrder()]
  }

  private func row(
    _ stepper: any SemilinearStepper, _ name: String, _ problem: SemilinearProblem,
    _ start: [Double], _ exact: [Double]
  ) -> VerificationRow {
    let points = [12, 16, 24, 32, 48].map { count -> (Double, Double) in
      let dt = 0.8 / Double(count)
      let u = (0..<count).reduce(start) { stepper.step(problem, Double($1) * dt, dt, $0) }
      return (log(dt), log(Self.distance(u, exact)))
    }
    return VerificationRow(
      "order in time, \(name): \(stepper.name)", expected: Double(stepper.order),
      found: Self.slope(points), tolerance: 0.2)
  }

  private func fullEquation() throws -> (SemilinearProblem, [Double]) {
    let grid = FieldGrid(rows: 3, columns: 4)
    let problem = FieldProblem(
      [
        .diffusion(
          try DiffusionOperator(
            grid, .neumann, diffusivity: .perChannel([0.3, 0.1]), channels: 2)),
        .attention(try TokenAttention(.softmax, sharpness: 1, strength: 0.8, dimension: 2)),
        .reaction(.polynomial([0, 0.5, 0, -1])),
      ], channels: 2)
    let start = (0..<24).map { 0.6 * sin(Double($0 * $0) * 0.37) }
    return (try problem.semilinear(), start)
  }

  /// u(x, t) = 0.3 + cos t · cos πx solves u' = Lu + u - u³ + s for the source s that makes it so.
  private func manufactured() throws -> (SemilinearProblem, @Sendable (Double) -> [Double]) {
    let n = 24
    let diffusion = try DiffusionOperator(
      FieldGrid(rows: 1, columns: n), .neumann, spacing: 1 / Double(n), diffusivity: .uniform(0.005)
    )
    let wave = (0..<n).map { cos(.pi * (Double($0) + 0.5) / Double(n)) }
    let solution: @Sendable (Double) -> [Double] = { t in wave.map { 0.3 + cos(t) * $0 } }
    let problem = SemilinearProblem(diffusion) { t, u in
      let exact = solution(t)
      let flow = diffusion.apply(exact)
      return u.indices.map { i in
        let source = -sin(t) * wave[i] - flow[i] - exact[i] + exact[i] * exact[i] * exact[i]
        return u[i] - u[i] * u[i] * u[i] + source
      }
    }
    return (problem, solution)
  }

  /// A standing wave between fixed ends is cos ωt times itself.
  private func leapfrogOrder() -> VerificationRow {
    let start = (0..<20).map { sin(.pi * Double($0 + 1) / 21) }
    let omega = 2 * sin(Double.pi / 42)
    let points = [50, 75, 100, 150, 200].map { count -> (Double, Double) in
      let dt = 30 / Double(count)
      var (u, v) = (start, start.map { _ in 0.0 })
      for _ in 0..<count {
        (u, v) = Leapfrog().step(u, v, dt) { u in
          u.indices.map { i in
            (i > 0 ? u[i - 1] : 0) + (i + 1 < u.count ? u[i + 1] : 0) - 2 * u[i]
          }
        }
      }
      return (log(dt), log(Self.distance(u, start.map { $0 * cos(30 * omega) })))
    }
    return VerificationRow(
      "order in time: leapfrog", expected: 2, found: Self.slope(points), tolerance: 0.2)
  }

  /// With fixed steps, on a rotation and logistic growth, whose solutions are known: on diffusion its error is at round-off before
  /// steps are short enough to show an order of 5.
  private func dormandPrinceOrder() -> VerificationRow {
    let end = 4.0
    let exact = [cos(end), -sin(end), 1 / (1 + 9 * exp(-end))]
    let points = [24, 32, 40, 48, 64].map { count -> (Double, Double) in
      let dt = end / Double(count)
      let u = (0..<count).reduce([1, 0, 0.1]) { u, _ in
        ExplicitStepper.step(
          .dormandPrince, { _, u in [u[1], -u[0], u[2] * (1 - u[2])] }, 0, dt, u)
      }
      return (log(dt), log(Self.distance(u, exact)))
    }
    return VerificationRow(
      "order in time: dopri5 with fixed steps", expected: 5, found: Self.slope(points),
      tolerance: 0.2)
  }

  /// Between steps of Dormand and Prince, against the exact rotation, in units of the tolerance.
  private func denseOrder() -> VerificationRow {
    let times = (0...37).map { Double($0) / 10 }
    let result = DormandPrince(tolerance: 1e-10).integrate([1, 0], at: times) { _, u in
      [u[1], -u[0]]
    }
    let worst = zip(times, result.rows).map { abs($1[0] - cos($0)) }.max() ?? .nan
    return VerificationRow(
      "Dormand-Prince 5(4): error between steps at tolerance 1e-10", expected: 0, found: worst,
      tolerance: 1e-8)
  }

  /// The steppers of the fit, on the master equation with random weights, against RK4 with 256 steps an interval.
  func trajectoryOrders() throws -> [VerificationRow] {
    let network = try ModelConfiguration(
      input: .patches(width: 4), positionCount: 6, width: 8, headCount: 2, layerCount: 2,
      mlpWidth: 10, classCount: 2)
    let equation = MasterEquation(
      .autonomous, grid: FieldGrid(rows: 2, columns: 3), network: network)
    let weights = Buffer<Double>(equation.parameterCount)
    weights.assign(equation.layout.initialValues(seed: 9, purpose: .dynamics))
    var random = Philox(seed: 9, stream: 9)
    let start = (0..<48).map { _ in random.normal() }
    func end(_ stepper: FitStepper, _ substeps: Int) -> [Double] {
      let pass = TrajectoryPass<Double>(equation, stepper, substeps: substeps, capacity: 1)
      for (i, value) in start.enumerated() { pass.initial[i] = value }
      pass.forward(weights.start, Shard(samples: 1))
      return (0..<48).map { pass.state(2)[$0] }
    }
    let exact = end(.rk4, 256)
    return FitStepper.allCases.map { stepper in
      let points = [8, 12, 16, 24, 32].map { substeps -> (Double, Double) in
        (-log(Double(substeps)), log(Self.distance(end(stepper, substeps), exact)))
      }
      return VerificationRow(
        "order in time, master equation: \(stepper.rawValue)", expected: Double(stepper.order),
        found: Self.slope(points), tolerance: 0.2)
    }
  }
}
