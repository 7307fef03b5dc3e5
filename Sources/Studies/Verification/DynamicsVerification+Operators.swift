import Dynamics
import Foundation
import Kernels

extension DynamicsVerification {
  func spatialOrders() throws -> [VerificationRow] {
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

  /// A heat mode after t = 1 is e^{λt} times itself, λ of the grid; at any amplitude.
  func eigenmodes() throws -> [VerificationRow] {
    let cases = Boundary.allCases.map { ($0, 1.0) } + [(.neumann, 1e-12), (.neumann, 1e12)]
    return try cases.map { boundary, amplitude in
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
      let found = DormandPrince(tolerance: 1e-13).integrate(
        mode.map { amplitude * $0 }, at: [0, 1]
      ) { _, u in
        diffusion.apply(u)
      }
      let scale = amplitude == 1 ? "" : " of amplitude \(amplitude)"
      return VerificationRow(
        "heat mode 3\(scale), \(boundary.rawValue): largest error", expected: 0,
        found: Self.distance(found.rows[1].map { $0 / amplitude }, mode.map { factor * $0 }),
        tolerance: 1e-10)
    }
  }

  func invariants() throws -> [VerificationRow] {
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

  /// Longest stable steps by von Neumann's analysis against the textbook's.
  func limits() throws -> [VerificationRow] {
    let square = FieldGrid(rows: 32, columns: 32)
    let (h, d) = (0.5, 0.3)
    let diffusion = FieldProblem(
      [.diffusion(try DiffusionOperator(square, .periodic, spacing: h, diffusivity: .uniform(d)))],
      channels: 1)
    let flow = FieldProblem(
      [.convection(Convection(square, .periodic, spacing: h, velocity: (0.75, -1.25)))], channels: 1
    )
    let (still, moving) = (StabilityAnalysis(diffusion), StabilityAnalysis(flow))
    return [
      VerificationRow(
        "stability limit: euler, diffusion in 2-D", expected: h * h / (4 * d),
        found: still.limit(.euler), tolerance: 1e-6),
      VerificationRow(
        "stability limit: rk4, diffusion in 2-D", expected: 2.785_293_563 * h * h / (8 * d),
        found: still.limit(.rungeKutta4), tolerance: 1e-6),
      VerificationRow(
        "stability limit: euler, upwind convection", expected: h / (0.75 + 1.25),
        found: moving.limit(.euler), tolerance: 1e-6),
      VerificationRow(
        "stability limit: leapfrog, wave in 2-D", expected: h / (2 * d).squareRoot(),
        found: still.leapfrogLimit, tolerance: 1e-6),
    ]
  }

  /// What operators keep, and fast paths against plain ones.
  func operators() throws -> [VerificationRow] {
    var random = Philox(seed: 5, stream: 5)
    func noise(_ count: Int) -> [Double] { (0..<count).map { _ in random.normal() } }
    let grid = FieldGrid(rows: 12, columns: 17)
    let (u, v) = (noise(204), noise(204))
    let varying = try DiffusionOperator(
      grid, .neumann, diffusivity: .perPosition(noise(204).map { abs($0) }))
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let courant = FieldProblem(
      [.convection(Convection(FieldGrid(rows: 1, columns: 50), .periodic, velocity: (0, 1)))],
      channels: 1)
    let shifted = try Integration(
      courant, .euler, end: 20, snapshots: 1, stepSize: 1, pool: WorkerPool(threadCount: 1))
    var (start, end) = (noise(50), [Double]())
    _ = try shifted.run(start) { end = $0.u }
    start = (0..<50).map { start[($0 + 30) % 50] }
    return [
      VerificationRow(
        "diffusivity that varies: change of mass", expected: 0,
        found: varying.apply(u).reduce(0, +), tolerance: 1e-11),
      VerificationRow(
        "diffusivity that varies: asymmetry", expected: 0,
        found: dot(v, varying.apply(u)) - dot(u, varying.apply(v)), tolerance: 1e-10),
      VerificationRow(
        "upwind at Courant number 1: error of 20 shifts", expected: 0,
        found: Self.distance(start, end), tolerance: 1e-12),
      try fused(), try sinkhornSums(),
    ]
  }

  /// Eight steps a sweep on three threads against a step at a time.
  private func fused() throws -> VerificationRow {
    let grid = FieldGrid(rows: 260, columns: 300)
    var random = Philox(seed: 6, stream: 6)
    let start = (0..<grid.positionCount).map { _ in 0.4 * random.normal() }
    let diffusion = try DiffusionOperator(grid, .neumann, diffusivity: .uniform(0.1))
    let problem = FieldProblem(
      [.diffusion(diffusion), .reaction(.polynomial([0, 1, 0, -1]))], channels: 1)
    guard let fast = FusedEuler(problem, pool: WorkerPool(threadCount: 3)) else {
      return VerificationRow("explicit Euler, fused", expected: 0, found: .nan, tolerance: 0)
    }
    fast.field = start
    fast.advance(0.1, steps: 21)
    let plain = SemilinearProblem(diffusion) { _, u in
      Reaction.polynomial([0, 1, 0, -1]).apply(u, channels: 1)
    }
    let slow = (0..<21).reduce(start) { u, _ in
      ExplicitStepper(.euler).step(plain, 0, 0.1, u)
    }
    return VerificationRow(
      "explicit Euler, 8 steps a sweep against 1", expected: 0,
      found: Self.distance(fast.field, slow), tolerance: 1e-12)
  }

  private func sinkhornSums() throws -> VerificationRow {
    var random = Philox(seed: 7, stream: 7)
    let attention = try TokenAttention(.sinkhorn, sharpness: 2, dimension: 3)
    let map = attention.map((0..<60).map { _ in random.normal() })
    var worst = 0.0
    for i in 0..<20 {
      let row = map[i * 20..<(i + 1) * 20].reduce(0, +)
      let column = stride(from: i, to: 400, by: 20).reduce(0.0) { $0 + map[$1] }
      worst = max(worst, abs(row - 1), abs(column - 1))
    }
    return VerificationRow(
      "Sinkhorn kernel: rows and columns, distance from 1", expected: 0, found: worst,
      tolerance: 1e-12)
  }
}
