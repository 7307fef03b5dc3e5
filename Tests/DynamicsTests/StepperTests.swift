import Dynamics
import Foundation
import Testing

/// Orders by slope over five step sizes, exact solutions, invariants.
@Suite struct StepperTests {
  private static let grid = FieldGrid(rows: 1, columns: 32)

  /// Allen-Cahn on a smooth field: u' = D∇²u + u - u³.
  private func problem(_ boundary: Boundary) throws -> (SemilinearProblem, [Double]) {
    let diffusion = try DiffusionOperator(
      Self.grid, boundary, spacing: 1.0 / 32, diffusivity: .uniform(0.01))
    let u = (0..<32).map { x -> Double in
      let place = (Double(x) + 0.5) / 32
      switch boundary {
      case .periodic: return 0.4 + 0.3 * sin(2 * .pi * place)
      case .neumann: return 0.4 + 0.3 * cos(.pi * place)
      case .dirichlet: return 0.6 * sin(.pi * Double(x + 1) / 33)
      }
    }
    return (SemilinearProblem(diffusion) { _, u in u.map { $0 - $0 * $0 * $0 } }, u)
  }

  @Test(arguments: SteppersUnderTest.all.indices, [Boundary.periodic, .neumann])
  func `every stepper converges at its order`(index: Int, boundary: Boundary) throws {
    let stepper = SteppersUnderTest.all[index]
    let (problem, start) = try problem(boundary)
    let exact = DormandPrince(tolerance: 1e-13).integrate(start, at: [0, 0.8], problem.rate)
    #expect(exact.outcome == .reached)
    let reference = try #require(exact.rows.last)
    var points: [(x: Double, y: Double)] = []
    for count in [8, 12, 16, 24, 32] {
      let dt = 0.8 / Double(count)
      var u = start
      for step in 0..<count { u = stepper.step(problem, Double(step) * dt, dt, u) }
      let error = zip(u, reference).map { abs($0 - $1) }.max() ?? 0
      points.append((log(dt), log(error)))
    }
    let slope = SteppersUnderTest.slope(points)
    #expect(abs(slope - Double(stepper.order)) < 0.2, "\(stepper.name): order \(slope)")
  }

  @Test(arguments: Boundary.allCases)
  func `the stencil and the eigenvalues agree, and modes decay exactly`(boundary: Boundary) throws {
    for grid in [FieldGrid(rows: 1, columns: 12), FieldGrid(rows: 7, columns: 10)] {
      let diffusion = try DiffusionOperator(
        grid, boundary, spacing: 0.3, diffusivity: .uniform(0.7))
      let u = (0..<grid.positionCount).map { sin(Double($0 * $0) * 0.37) }
      for (a, b) in zip(diffusion.apply(u), diffusion.function({ $0 }, u)) {
        #expect(abs(a - b) < 1e-11 * diffusion.spectralRadius)
      }
      // e^{tL} by the eigenvalues against Dormand-Prince on the stencil.
      let exact = diffusion.function({ exp(0.5 * $0) }, u)
      let found = DormandPrince(tolerance: 1e-12).integrate(u, at: [0, 0.5]) { _, u in
        diffusion.apply(u)
      }
      for (a, b) in zip(exact, found.rows.last ?? []) { #expect(abs(a - b) < 1e-9) }
    }
  }

  @Test func `the fourth-order stencil converges at order 4 in the spacing`() throws {
    for (order, tolerance) in [(2, 0.2), (4, 0.2)] {
      let points = try [16, 24, 32, 48, 64].map { n -> (x: Double, y: Double) in
        let h = 2 * Double.pi / Double(n)
        let diffusion = try DiffusionOperator(
          FieldGrid(rows: 1, columns: n), .periodic, spacing: h, order: order)
        let u = (0..<n).map { exp(sin(Double($0) * h)) }
        let exact = (0..<n).map { x -> Double in
          let (s, c) = (sin(Double(x) * h), cos(Double(x) * h))
          return exp(s) * (c * c - s)
        }
        let error = zip(diffusion.apply(u), exact).map { abs($0 - $1) }.max() ?? 0
        return (log(h), log(error))
      }
      #expect(abs(SteppersUnderTest.slope(points) - Double(order)) < tolerance)
    }
    #expect(throws: ProblemError.self) {
      try DiffusionOperator(Self.grid, .neumann, order: 4)
    }
  }

  @Test func `mass is kept, the maximum falls, and energy never grows within the stability limit`()
    throws
  {
    for boundary in [Boundary.periodic, .neumann] {
      let diffusion = try DiffusionOperator(FieldGrid(rows: 9, columns: 8), boundary)
      let pure = SemilinearProblem(diffusion) { _, u in u.map { _ in 0 } }
      var u = (0..<72).map { Double($0 * 37 % 11) - 4 }
      let (mass, low, high) = (u.reduce(0, +), u.min() ?? 0, u.max() ?? 0)
      func energy(_ u: [Double]) -> Double {
        -zip(u, diffusion.apply(u)).reduce(0) { $0 + $1.0 * $1.1 }
      }
      var last = energy(u)
      // The maximum principle holds for DΔt/h² ≤ 1/4 in two dimensions.
      for _ in 0..<50 {
        u = ExplicitStepper(.euler).step(pure, 0, 0.25, u)
        #expect(abs(u.reduce(0, +) - mass) < 1e-10)
        #expect((u.min() ?? 0) >= low - 1e-12 && (u.max() ?? 0) <= high + 1e-12)
        #expect(energy(u) <= last + 1e-12)
        last = energy(u)
      }
    }
  }

  @Test func `stated stability limits are where growth begins`() throws {
    #expect(abs((ExplicitStepper(.euler).stabilityLimit ?? 0) - 2) < 1e-9)
    #expect(abs((ExplicitStepper(.heun).stabilityLimit ?? 0) - 2) < 1e-9)
    #expect(abs((ExplicitStepper(.rungeKutta4).stabilityLimit ?? 0) - 2.785_293_563) < 1e-8)
    let diffusion = try DiffusionOperator(FieldGrid(rows: 1, columns: 16), .periodic)
    let pure = SemilinearProblem(diffusion) { _, u in u.map { _ in 0 } }
    for stepper in [ButcherTableau.euler, .heun, .rungeKutta4].map(ExplicitStepper.init) {
      let limit = (stepper.stabilityLimit ?? 0) / diffusion.spectralRadius
      for (factor, grows) in [(0.999, false), (1.01, true)] {
        var u = (0..<16).map { $0 % 2 == 0 ? 1.0 : -1.0 }
        for _ in 0..<2000 { u = stepper.step(pure, 0, factor * limit, u) }
        #expect(((u.map(abs).max() ?? 0) > 1) == grows, "\(stepper.name) \(factor)")
      }
    }
  }

  @Test func `leapfrog is of order 2, reversible, and keeps its energy near`() throws {
    let diffusion = try DiffusionOperator(FieldGrid(rows: 1, columns: 20), .dirichlet)
    let start = (0..<20).map { sin(.pi * Double($0 + 1) / 21) }
    let omega = 2 * sin(Double.pi / 42)
    var points: [(x: Double, y: Double)] = []
    for count in [50, 75, 100, 150, 200] {
      let dt = 30 / Double(count)
      var (u, v) = (start, start.map { _ in 0.0 })
      for _ in 0..<count { (u, v) = Leapfrog().step(u, v, dt, diffusion.apply) }
      let error = zip(u, start).map { abs($0 - $1 * cos(30 * omega)) }.max() ?? 0
      points.append((log(dt), log(error)))
      for _ in 0..<count { (u, v) = Leapfrog().step(u, v, -dt, diffusion.apply) }
      #expect(zip(u, start).allSatisfy { abs($0 - $1) < 1e-11 })
    }
    #expect(abs(SteppersUnderTest.slope(points) - 2) < 0.2)
  }

  @Test
  func `Dormand and Prince meet their tolerance, between steps too, and tell a blow-up's time`() {
    let times = (0...37).map { Double($0) / 10 }
    for tolerance in [1e-6, 1e-9] {
      let result = DormandPrince(tolerance: tolerance).integrate([1, 0], at: times) { _, u in
        [u[1], -u[0]]
      }
      for (t, row) in zip(times, result.rows) {
        #expect(abs(row[0] - cos(t)) < 100 * tolerance, "\(t)")
      }
    }
    // u' = u²: u = 1/(1 - t).
    let blown = DormandPrince(tolerance: 1e-9).integrate([1], at: [0, 0.5, 2]) { _, u in
      [u[0] * u[0]]
    }
    #expect(blown.rows.count == 2)
    guard case .diverged(let time) = blown.outcome else {
      Issue.record("\(blown.outcome)")
      return
    }
    #expect(abs(time - 1) < 0.01)
  }
}

enum SteppersUnderTest {
  static let all: [any SemilinearStepper] = [
    ExplicitStepper(.euler), ExplicitStepper(.heun), ExplicitStepper(.rungeKutta4),
    CrankNicolson(), ImplicitExplicitEuler(), ImplicitExplicitSecond(), Splitting.lie,
    Splitting.strang, ExponentialRungeKutta(),
  ]

  /// Least-squares slope.
  static func slope(_ points: [(x: Double, y: Double)]) -> Double {
    let n = Double(points.count)
    let (mx, my) = (points.reduce(0) { $0 + $1.x } / n, points.reduce(0) { $0 + $1.y } / n)
    return points.reduce(0) { $0 + ($1.x - mx) * ($1.y - my) }
      / points.reduce(0) { $0 + ($1.x - mx) * ($1.x - mx) }
  }
}
