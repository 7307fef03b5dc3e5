import Dynamics
import Foundation

/// Steppers, operators and mean-field attention against exact answers.
public struct DynamicsVerification {
  /// Nothing to choose.
  public init() {}

  /// All rows.
  public func run() throws -> [VerificationRow] {
    try orders() + spatialOrders() + eigenmodes() + invariants() + sphere() + gaussian()
  }

  /// Every stepper but the adaptive one.
  private static let steppers: [any SemilinearStepper] = [
    ExplicitStepper(.euler), ExplicitStepper(.heun), ExplicitStepper(.rungeKutta4),
    CrankNicolson(), ImplicitExplicitEuler(), ImplicitExplicitSecond(), Splitting.lie,
    Splitting.strang, ExponentialRungeKutta(),
  ]

  /// Slopes of ln error over ln Δt at five step sizes, Allen-Cahn on 32 cells, against Dormand-Prince at 1e-13.
  private func orders() throws -> [VerificationRow] {
    let diffusion = try DiffusionOperator(
      FieldGrid(rows: 1, columns: 32), .neumann, spacing: 1.0 / 32, diffusivity: .uniform(0.01))
    let problem = SemilinearProblem(diffusion) { _, u in u.map { $0 - $0 * $0 * $0 } }
    let start = (0..<32).map { 0.4 + 0.3 * cos(.pi * (Double($0) + 0.5) / 32) }
    let exact = DormandPrince(tolerance: 1e-13).integrate(start, at: [0, 0.8], problem.rate)
    return Self.steppers.map { stepper in
      let points = [8, 12, 16, 24, 32].map { count -> (Double, Double) in
        let dt = 0.8 / Double(count)
        let u = (0..<count).reduce(start) { stepper.step(problem, Double($1) * dt, dt, $0) }
        return (log(dt), log(Self.distance(u, exact.rows[1])))
      }
      return VerificationRow(
        "order in time: \(stepper.name)", expected: Double(stepper.order),
        found: Self.slope(points), tolerance: 0.2)
    }
  }

  private func spatialOrders() throws -> [VerificationRow] {
    try [2, 4].map { order in
      let points = try [16, 24, 32, 48, 64].map { n -> (Double, Double) in
        let h = 2 * Double.pi / Double(n)
        let diffusion = try DiffusionOperator(
          FieldGrid(rows: 1, columns: n), .periodic, spacing: h, order: order)
        let places = (0..<n).map { Double($0) * h }
        let exact = places.map { exp(sin($0)) * (cos($0) * cos($0) - sin($0)) }
        return (log(h), log(Self.distance(diffusion.apply(places.map { exp(sin($0)) }), exact)))
      }
      return VerificationRow(
        "order in space: \(order)", expected: Double(order), found: Self.slope(points),
        tolerance: 0.2)
    }
  }

  /// A heat mode after t = 1 is e^{λt} times itself, λ of the grid.
  private func eigenmodes() throws -> [VerificationRow] {
    try Boundary.allCases.map { boundary in
      let n = 24
      let diffusion = try DiffusionOperator(FieldGrid(rows: 1, columns: n), boundary)
      let mode = (0..<n).map { x -> Double in
        switch boundary {
        case .periodic: sin(2 * .pi * 3 * Double(x) / Double(n))
        case .neumann: cos(.pi * 3 * (Double(x) + 0.5) / Double(n))
        case .dirichlet: sin(.pi * 3 * Double(x + 1) / Double(n + 1))
        }
      }
      let angle: Double
      switch boundary {
      case .periodic: angle = .pi * 3 / Double(n)
      case .neumann: angle = .pi * 3 / Double(2 * n)
      case .dirichlet: angle = .pi * 3 / Double(2 * (n + 1))
      }
      let factor = exp(-4 * sin(angle) * sin(angle))
      let found = DormandPrince(tolerance: 1e-13).integrate(mode, at: [0, 1]) { _, u in
        diffusion.apply(u)
      }
      return VerificationRow(
        "heat mode 3, \(boundary.rawValue): largest error", expected: 0,
        found: Self.distance(found.rows[1], mode.map { factor * $0 }), tolerance: 1e-10)
    }
  }

  private func invariants() throws -> [VerificationRow] {
    let diffusion = try DiffusionOperator(FieldGrid(rows: 16, columns: 16), .periodic)
    let pure = SemilinearProblem(diffusion) { _, u in u.map { _ in 0 } }
    var u = (0..<256).map { Double($0 * 37 % 101) / 101 }
    let (mass, high) = (u.reduce(0, +), u.max() ?? 0)
    var growth = 0.0
    var energy = Double.infinity
    for _ in 0..<200 {
      u = ExplicitStepper(.euler).step(pure, 0, 0.25, u)
      let now = -zip(u, diffusion.apply(u)).reduce(0) { $0 + $1.0 * $1.1 }
      growth = max(growth, now - energy)
      energy = now
    }
    return [
      VerificationRow(
        "explicit Euler at its limit: change of mass", expected: 0, found: u.reduce(0, +) - mass,
        tolerance: 1e-10),
      VerificationRow(
        "explicit Euler at its limit: maximum above the first", expected: 0,
        found: max(0, (u.max() ?? 0) - high), tolerance: 1e-12),
      VerificationRow(
        "explicit Euler at its limit: growth of Dirichlet energy", expected: 0,
        found: max(0, growth), tolerance: 1e-12),
    ]
  }

  /// From 8 orthogonal tokens, β = 2, all inner products stay equal; at t = 1.5 they have these values.
  private func sphere() throws -> [VerificationRow] {
    let n = 8
    let start = (0..<n * n).map { $0 / n == $0 % n ? 1.0 : 0.0 }
    var rows: [VerificationRow] = []
    for (name, kernel, expected) in [
      ("softmax (SA)", TokenAttention.Kernel.softmax, 0.432_866_611_4),
      ("unnormalised (USA)", .unnormalised, 0.999_928_516_9),
    ] {
      let system = try TokenAttention(kernel, sharpness: 2, dimension: n, isSphere: true)
      let times = (0...30).map { 0.05 * Double($0) }
      let result = DormandPrince(tolerance: 1e-12).integrate(start, at: times) { _, x in
        system.apply(x)
      }
      let end = result.rows.last ?? start
      rows.append(
        VerificationRow(
          "sphere, \(name): inner product at t = 1.5", expected: expected,
          found: system.dot(end, 0, 1), tolerance: 1e-8))
      if kernel == .unnormalised {
        let energies = result.rows.map(system.energy)
        let fall = zip(energies, energies.dropFirst()).map { $0 - $1 }.max() ?? 0
        rows.append(
          VerificationRow(
            "sphere, \(name): largest fall of the interaction energy", expected: 0,
            found: max(0, fall), tolerance: 1e-12))
      }
    }
    return rows
  }

  /// m' = V(1 + ΣA)m, Σ' = 2VAΣ² in one dimension (Castin et al. 2025, arXiv 2501.18322), A = 1.
  private func gaussian() throws -> [VerificationRow] {
    let (m0, s) = (0.7, 1.3)
    func system(_ v: Double) -> (Double, [Double]) -> [Double] {
      { _, u in [v * (1 + u[1]) * u[0], 2 * v * u[1] * u[1]] }
    }
    let falling = DormandPrince(tolerance: 1e-12).integrate([m0, s], at: [0, 2], system(-1))
    let end = falling.rows[1]
    let blown = DormandPrince(tolerance: 1e-10).integrate([m0, s], at: [0, 2], system(1))
    var time = Double.nan
    if case .diverged(let at) = blown.outcome { time = at }
    return [
      VerificationRow(
        "Gaussian measure, V = -1: variance at t = 2", expected: s / (1 + 4 * s), found: end[1],
        tolerance: 1e-8),
      VerificationRow(
        "Gaussian measure, V = -1: mean at t = 2",
        expected: m0 * exp(-2) / (1 + 4 * s).squareRoot(), found: end[0], tolerance: 1e-8),
      VerificationRow(
        "Gaussian measure, V = +1: time of the blow-up", expected: 1 / (2 * s), found: time,
        tolerance: 0.01 / (2 * s)),
    ]
  }

  private static func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).map { abs($0 - $1) }.max() ?? 0
  }

  /// Least-squares slope.
  private static func slope(_ points: [(Double, Double)]) -> Double {
    let n = Double(points.count)
    let (mx, my) = (points.reduce(0) { $0 + $1.0 } / n, points.reduce(0) { $0 + $1.1 } / n)
    return points.reduce(0) { $0 + ($1.0 - mx) * ($1.1 - my) }
      / points.reduce(0) { $0 + ($1.0 - mx) * ($1.0 - mx) }
  }
}
