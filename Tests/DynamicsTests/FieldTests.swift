import Dynamics
import Foundation
import Kernels
import Testing

/// Operators on fields of many channels, the fast step against the plain one, and integrations that end early.
@Suite struct FieldTests {
  private func noise(_ count: Int, _ stream: UInt64, scale: Double = 1) -> [Double] {
    var random = Philox(seed: 21, stream: stream)
    return (0..<count).map { _ in scale * random.normal() }
  }

  /// ∇·(D∇u) cell by cell: the plain loop.
  private func plain(
    _ u: [Double], _ grid: FieldGrid, _ boundary: Boundary, channels: Int,
    _ d: (_ cell: Int, _ channel: Int) -> Double
  ) -> [Double] {
    var out = [Double](repeating: 0, count: u.count)
    for row in 0..<grid.rows {
      for column in 0..<grid.columns {
        let cell = row * grid.columns + column
        for (dy, dx) in [(0, 1), (0, -1), (1, 0), (-1, 0)] {
          if dy == 0 ? grid.columns == 1 : grid.rows == 1 { continue }
          var (y, x) = (row + dy, column + dx)
          let isInside = (0..<grid.rows).contains(y) && (0..<grid.columns).contains(x)
          if !isInside, boundary == .neumann { continue }
          (y, x) = ((y + grid.rows) % grid.rows, (x + grid.columns) % grid.columns)
          let other = y * grid.columns + x
          for c in 0..<channels {
            let here = u[cell * channels + c]
            if !isInside, boundary == .dirichlet {
              out[cell * channels + c] -= d(cell, c) * here
              continue
            }
            out[cell * channels + c] +=
              (d(cell, c) + d(other, c)) / 2 * (u[other * channels + c] - here)
          }
        }
      }
    }
    return out
  }

  @Test(arguments: Boundary.allCases)
  func `diffusion by one number, by channel and by cell is the plain loop's`(boundary: Boundary)
    throws
  {
    for grid in [
      FieldGrid(rows: 1, columns: 7), FieldGrid(rows: 5, columns: 6),
      FieldGrid(rows: 4, columns: 1),
      FieldGrid(rows: 2, columns: 2),
    ] {
      for channels in [1, 3] {
        let u = noise(grid.positionCount * channels, 1)
        let cells = noise(grid.positionCount, 2).map { abs($0) }
        let each = [0.5, 0.2, 0.9].prefix(channels)
        let kinds: [(Diffusivity, (Int, Int) -> Double)] = [
          (.uniform(0.3), { _, _ in 0.3 }), (.perChannel(Array(each)), { each[$1] }),
          (.perPosition(cells), { cell, _ in cells[cell] }),
        ]
        for (diffusivity, value) in kinds {
          let found = try DiffusionOperator(
            grid, boundary, diffusivity: diffusivity, channels: channels
          ).apply(u)
          let expected = plain(u, grid, boundary, channels: channels, value)
          for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-13, "\(diffusivity)") }
        }
      }
    }
  }

  /// Sweeps of eight steps begin at 2¹⁶ numbers and 64 rows; bands at 2¹⁵ numbers a thread.
  @Test(arguments: Boundary.allCases)
  func `the fused step is the plain step, however many go in a sweep`(boundary: Boundary) throws {
    for (grid, channels) in [
      (FieldGrid(rows: 1, columns: 40), 1), (FieldGrid(rows: 9, columns: 13), 2),
      (FieldGrid(rows: 130, columns: 270), 2), (FieldGrid(rows: 200, columns: 340), 1),
    ] {
      let diffusion = try DiffusionOperator(
        grid, boundary, spacing: 0.8,
        diffusivity: channels == 1 ? .uniform(0.1) : .perChannel([0.1, 0.05]), channels: channels)
      let reaction = Reaction.polynomial([0.1, 1, 0.2, -1])
      let problem = FieldProblem([.diffusion(diffusion), .reaction(reaction)], channels: channels)
      let start = noise(grid.positionCount * channels, 3, scale: 0.3)
      var slow = start
      for _ in 0..<19 { slow = ExplicitStepper.step(.euler, problem.rate, 0, 0.1, slow) }
      for threads in [1, 3] {
        let fused = try #require(FusedEuler(problem, pool: WorkerPool(threadCount: threads)))
        fused.field = start
        fused.advance(0.1, steps: 19)
        let worst = zip(fused.field, slow).map { abs($0 - $1) }.max() ?? .nan
        #expect(worst < 1e-13, "\(grid), \(threads) threads")
      }
    }
  }

  @Test func `what the fused step cannot do it refuses`() throws {
    let grid = FieldGrid(rows: 1, columns: 9)
    let pool = WorkerPool(threadCount: 1)
    let diffusion = FieldTerm.diffusion(try DiffusionOperator(grid, .periodic))
    let others: [FieldTerm] = [
      .reaction(.polynomial([0, 0, 0, 0, 1])),
      .convection(Convection(grid, .periodic, velocity: (0, 1))),
      .diffusion(try DiffusionOperator(grid, .periodic)),
    ]
    for other in others {
      #expect(FusedEuler(FieldProblem([diffusion, other], channels: 1), pool: pool) == nil)
    }
    let varying = try DiffusionOperator(
      grid, .periodic, diffusivity: .perPosition([Double](repeating: 1, count: 9)))
    #expect(FusedEuler(FieldProblem([.diffusion(varying)], channels: 1), pool: pool) == nil)
  }

  @Test func `impossible operators are refused with the reason`() throws {
    let grid = FieldGrid(rows: 1, columns: 4)
    for make in [
      { try DiffusionOperator(grid, .periodic, spacing: 0) },
      { try DiffusionOperator(grid, .periodic, diffusivity: .uniform(-1)) },
      { try DiffusionOperator(grid, .periodic, diffusivity: .perChannel([1, 1])) },
      { try DiffusionOperator(grid, .periodic, diffusivity: .perPosition([1])) },
      { try DiffusionOperator(grid, .periodic, order: 4) },
    ] as [() throws -> DiffusionOperator] {
      #expect(throws: ProblemError.self) { try make() }
    }
    #expect(throws: ProblemError.self) {
      try TokenAttention(.sinkhorn, sharpness: 1, dimension: 1, isCausal: true)
    }
    let varying = FieldProblem(
      [
        .diffusion(
          try DiffusionOperator(grid, .neumann, diffusivity: .perPosition([1, 2, 3, 4])))
      ], channels: 1)
    #expect(throws: ProblemError.self) { try varying.semilinear() }
  }

  @Test(arguments: [false, true])
  func `upwind differences are of order 1 and central ones of order 2`(isCentral: Bool) {
    let points = [16, 24, 32, 48, 64].map { n -> (x: Double, y: Double) in
      let h = 2 * Double.pi / Double(n)
      let u = (0..<n * n).map { sin(Double($0 / n) * h) * cos(Double($0 % n) * h) }
      let exact = (0..<n * n).map { i -> Double in
        let (y, x) = (Double(i / n) * h, Double(i % n) * h)
        return -0.5 * cos(y) * cos(x) - 2 * sin(y) * sin(x)
      }
      let found = Convection(
        FieldGrid(rows: n, columns: n), .periodic, spacing: h, velocity: (0.5, -2),
        isUpwind: !isCentral
      ).apply(u)
      return (log(h), log(zip(found, exact).map { abs($0 - $1) }.max() ?? 0))
    }
    #expect(abs(SteppersUnderTest.slope(points) - (isCentral ? 2 : 1)) < 0.2)
  }

  @Test func `attention sees what its masks leave, and rows sum to 1`() throws {
    let x = noise(12, 4)
    for kernel in TokenAttention.Kernel.allCases where kernel != .sinkhorn {
      let causal = try TokenAttention(kernel, sharpness: 1, dimension: 2, isCausal: true)
      let map = causal.map(x)
      for i in 0..<6 { for j in i + 1..<max(6, i + 1) { #expect(map[i * 6 + j] == 0) } }
      // What comes later changes nothing before.
      var other = x
      other[10] += 3
      #expect(Array(causal.apply(x)[..<10]) == Array(causal.apply(other)[..<10]))
    }
    let padded = try TokenAttention(.softmax, sharpness: 1, dimension: 2, length: 4)
    let map = padded.map(x)
    for i in 0..<4 { #expect(abs(map[i * 6..<i * 6 + 6].reduce(0, +) - 1) < 1e-14) }
    #expect(map[4 * 6..<36].allSatisfy { $0 == 0 })
    let short = try TokenAttention(.softmax, sharpness: 1, dimension: 2)
    for (a, b) in zip(padded.apply(x), short.apply(Array(x[..<8])) + [0, 0, 0, 0]) {
      #expect(abs(a - b) < 1e-14)
    }
  }

  @Test func `attention is the same for tokens in another order, and stays on the sphere`() throws {
    var x = noise(15, 5)
    for token in 0..<5 {
      let length = x[token * 3..<token * 3 + 3].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for c in 0..<3 { x[token * 3 + c] /= length }
    }
    let order = [3, 0, 4, 1, 2]
    let turned = order.flatMap { x[$0 * 3..<$0 * 3 + 3] }
    for kernel in TokenAttention.Kernel.allCases {
      let attention = try TokenAttention(kernel, sharpness: 2, dimension: 3, isSphere: true)
      let (a, b) = (attention.apply(x), attention.apply(turned))
      for (place, token) in order.enumerated() {
        for c in 0..<3 { #expect(abs(b[place * 3 + c] - a[token * 3 + c]) < 1e-12) }
        let radial = (0..<3).reduce(0) { $0 + a[token * 3 + $1] * x[token * 3 + $1] }
        #expect(abs(radial) < 1e-14)
      }
    }
  }

  /// u' = u³ ends at t = 1/(2u₀²); cells start apart, the largest first.
  @Test(arguments: [Integration.Method.euler, .rk4, .dopri5, .strang])
  func `a blow-up is an outcome with time and place`(method: Integration.Method) throws {
    let grid = FieldGrid(rows: 1, columns: 6)
    let problem = FieldProblem(
      [
        .diffusion(try DiffusionOperator(grid, .neumann, diffusivity: .uniform(1e-6))),
        .reaction(.polynomial([0, 0, 0, 1])),
      ], channels: 1)
    let integration = try Integration(
      problem, method, end: 1, snapshots: 100, stepSize: 1e-4, pool: WorkerPool(threadCount: 1))
    var times: [Double] = []
    let outcome = try integration.run([0.1, 0.2, 1, 0.1, 0, 0.3]) { snapshot in
      times.append(snapshot.time)
      let isFinite = snapshot.u.allSatisfy(\.isFinite)
      #expect(isFinite)
    }
    guard case .diverged(let time, let place) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(abs(time - 0.5) < 0.005, "\(time)")
    #expect(place == 2)
    #expect(times.count == 50 || times.count == 51)
  }

  @Test func `snapshots fall on their times, and the step is the longest that fits`() throws {
    let grid = FieldGrid(rows: 1, columns: 8)
    let problem = FieldProblem([.diffusion(try DiffusionOperator(grid, .periodic))], channels: 1)
    let pool = WorkerPool(threadCount: 1)
    for method in [Integration.Method.euler, .dopri5, .exponential, .crankNicolson] {
      let integration = try Integration(
        problem, method, end: 2, snapshots: 5, stepSize: 0.15, pool: pool)
      if method != .dopri5 {
        #expect(integration.stepsPerSnapshot == 3)
        #expect(abs(integration.stepSize - 0.4 / 3) < 1e-15)
      }
      var times: [Double] = []
      _ = try integration.run(noise(8, 6)) { times.append($0.time) }
      #expect(times == [0, 0.4, 0.8, 1.2, 1.6, 2])
    }
    #expect(throws: ProblemError.self) {
      try Integration(problem, .leapfrog, end: 1, snapshots: 1, stepSize: 0.1, pool: pool)
    }
  }

  @Test func `energy never grows in a gradient flow, and mass is kept where nothing reacts`() throws
  {
    let grid = FieldGrid(rows: 12, columns: 12)
    let diffusion = FieldTerm.diffusion(try DiffusionOperator(grid, .periodic))
    let flow = FieldProblem([diffusion, .reaction(.polynomial([0, 1, 0, -1]))], channels: 1)
    let pure = FieldProblem([diffusion], channels: 1)
    for (problem, keepsMass) in [(flow, false), (pure, true)] {
      let integration = try Integration(
        problem, .euler, end: 20, snapshots: 40, stepSize: 0.1, pool: WorkerPool(threadCount: 1))
      var (energy, mass) = (Double.infinity, [Double]())
      _ = try integration.run(noise(144, 7)) { snapshot in
        let now = problem.energy(snapshot.u) ?? .nan
        #expect(now <= energy + 1e-12)
        energy = now
        mass.append(problem.mass(snapshot.u))
      }
      let change = (mass.max() ?? 0) - (mass.min() ?? 0)
      #expect((change < 1e-11) == keepsMass)
    }
  }
}
