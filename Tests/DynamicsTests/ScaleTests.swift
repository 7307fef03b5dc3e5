import Dynamics
import Foundation
import Kernels
import Testing

/// No number in a stepper has a unit: a field a·u is integrated as u is.
@Suite struct ScaleTests {
  private static let amplitudes = [1e-12, 1e-9, 1e-6, 1e-3, 1, 1e3, 1e6, 1e9, 1e12]
  private static let grid = FieldGrid(rows: 1, columns: 24)

  private func noise(_ count: Int, _ stream: UInt64) -> [Double] {
    var random = Philox(seed: 31, stream: stream)
    return (0..<count).map { _ in random.normal() }
  }

  private func diffusion(_ boundary: Boundary, channels: Int = 1) throws -> DiffusionOperator {
    try DiffusionOperator(
      Self.grid, boundary, spacing: 1.0 / 24, diffusivity: .uniform(0.05), channels: channels)
  }

  private func last(
    _ problem: FieldProblem, _ method: Integration.Method, _ u: [Double], end: Double = 0.5,
    tolerance: Double = 1e-9
  ) throws -> (u: [Double], outcome: IntegrationOutcome) {
    let integration = try Integration(
      problem, method, end: end, snapshots: 10, stepSize: 0.005, tolerance: tolerance,
      pool: WorkerPool(threadCount: 1))
    var found = u
    let outcome = try integration.run(u) { found = $0.u }
    return (found, outcome)
  }

  private func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).map { abs($0 - $1) }.max() ?? .nan
  }

  /// Heat, waves, and reactions whose coefficients follow the unit: a·R(u/a) of Allen-Cahn is u - u³/a².
  @Test(arguments: Integration.Method.allCases)
  func `every stepper is as near at every amplitude`(method: Integration.Method) throws {
    let isWave = method == .leapfrog
    for boundary in Boundary.allCases {
      let start = noise(24, 1)
      func solution(_ a: Double) throws -> [Double] {
        var terms = [FieldTerm.diffusion(try diffusion(boundary))]
        if !isWave { terms.append(.reaction(.polynomial([0.3 * a, 1, 0, -1 / (a * a)]))) }
        let problem = FieldProblem(terms, channels: 1, isSecondOrder: isWave)
        let found = try last(problem, method, start.map { a * $0 })
        #expect(found.outcome == .reached)
        return found.u.map { $0 / a }
      }
      let one = try solution(1)
      for a in Self.amplitudes {
        let apart = distance(try solution(a), one)
        #expect(apart < 1e-8, "\(method.rawValue), \(boundary.rawValue), \(a): \(apart)")
      }
    }
  }

  @Test(arguments: Boundary.allCases, [0.0, 1, 1e6])
  func `step control knows heat to its tolerance, about any offset`(
    boundary: Boundary, offset: Double
  ) throws {
    guard offset == 0 || boundary != .dirichlet else { return }
    let problem = FieldProblem([.diffusion(try diffusion(boundary))], channels: 1)
    let shape = try diffusion(boundary)
    let start = noise(24, 2)
    for a in Self.amplitudes {
      let exact = shape.function({ exp(0.5 * $0) }, start.map { a * $0 })
      let found = try last(problem, .dopri5, start.map { a * ($0 + offset) })
      #expect(found.outcome == .reached)
      let apart = distance(found.u.map { $0 - a * offset }, exact) / a
      #expect(apart < 3e-9, "\(boundary.rawValue), \(a), offset \(offset): \(apart)")
    }
  }

  @Test func `energy of noise never rises, however long after it has died away`() throws {
    for boundary in Boundary.allCases {
      let problem = FieldProblem([.diffusion(try diffusion(boundary))], channels: 1)
      for (a, tolerance) in [(1e-12, 1e-9), (1, 1e-3), (1e12, 0.1)] {
        let start = noise(24, 3).map { a * $0 }
        var energies: [Double] = []
        let integration = try Integration(
          problem, .dopri5, end: 30, snapshots: 60, stepSize: 1, tolerance: tolerance,
          pool: WorkerPool(threadCount: 1))
        #expect(
          try integration.run(start) { energies.append(problem.energy($0.u) ?? .nan) } == .reached)
        // What is left of the mean rounds: (4 ulp)² of it a cell.
        let floor = 24 * 4 * 0.05 * 576 * pow(4 * a * .ulpOfOne, 2)
        for (before, after) in zip(energies, energies.dropFirst()) {
          #expect(after <= before + floor, "\(boundary.rawValue), \(a): \(before) to \(after)")
        }
      }
    }
  }

  /// Against the product with ∇·(D∇u), for every kind of operator.
  @Test(arguments: Boundary.allCases)
  func `energy is the operator's, never negative, and knows no offset`(boundary: Boundary) throws {
    for grid in [
      FieldGrid(rows: 1, columns: 2), FieldGrid(rows: 1, columns: 7),
      FieldGrid(rows: 5, columns: 6),
      FieldGrid(rows: 4, columns: 1),
    ] {
      for channels in [1, 2] {
        let cells = noise(grid.positionCount, 6).map { abs($0) }
        for (diffusivity, order) in [
          (Diffusivity.uniform(0.3), 2), (.perChannel(Array([0.5, 0.2].prefix(channels))), 2),
          (.perPosition(cells), 2), (.uniform(0.3), 4),
        ] {
          let isWide = order == 4
          if isWide, boundary != .periodic || min(grid.columns, max(grid.rows, 5)) < 5 { continue }
          let shape = try DiffusionOperator(
            grid, boundary, spacing: 0.7, diffusivity: diffusivity, channels: channels, order: order
          )
          let u = noise(grid.positionCount * channels, 7)
          let product = zip(u, shape.apply(u)).reduce(0) { $0 - $1.0 * $1.1 / 2 }
          let energy = shape.energy(u)
          #expect(abs(energy - product) < 1e-12 * max(1, product), "\(grid), \(diffusivity)")
          #expect(energy >= 0)
          guard boundary != .dirichlet else { continue }
          #expect(shape.energy(u.map { _ in 0.1 }) == 0)
          #expect(abs(shape.energy(u.map { $0 + 1e3 }) - energy) < 1e-9 * max(1, energy))
        }
      }
    }
  }

  @Test func `channels in different units are each known to the tolerance of its own`() throws {
    let problem = FieldProblem([.diffusion(try diffusion(.neumann, channels: 3))], channels: 3)
    let shape = try diffusion(.neumann)
    let start = noise(24, 4)
    let sizes = [1e-12, 1, 1e12]
    let found = try last(problem, .dopri5, start.flatMap { value in sizes.map { $0 * value } })
    let exact = shape.function({ exp(0.5 * $0) }, start)
    for (channel, size) in sizes.enumerated() {
      let own = stride(from: channel, to: 72, by: 3).map { found.u[$0] / size }
      #expect(distance(own, exact) < 3e-9, "\(size)")
    }
    // Without linear terms the tolerance alone limits steps: two oscillators, one in thousandths of a millionth.
    let times = [0.0, 7]
    let pair = DormandPrince(tolerance: 1e-9, unitCount: 2).integrate(
      [1, 1e-9, 0, 0], at: times
    ) { _, u in [u[2], u[3], -u[0], -9 * u[1]] }
    #expect(abs(pair.rows[1][0] - cos(7)) < 1e-6)
    #expect(abs(pair.rows[1][1] / 1e-9 - cos(21)) < 1e-6)
  }

  @Test func `a field that is 0 at first, and rates of any size`() throws {
    for a in Self.amplitudes {
      // u' = a - u, then the same a million times as fast.
      for rate in [1.0, 1e6, 1e-6] {
        let found = DormandPrince(tolerance: 1e-9).integrate([0], at: [0, 2 / rate]) { _, u in
          [rate * (a - u[0])]
        }
        #expect(found.outcome == .reached)
        #expect(abs(found.rows[1][0] / a - (1 - exp(-2))) < 1e-8, "\(a), \(rate)")
      }
    }
    let still = DormandPrince(tolerance: 1e-9).integrate([0, 0], at: [0, 1]) { _, _ in [0, 0] }
    #expect(still.outcome == .reached && still.rows[1] == [0, 0])
  }

  @Test func `blow-ups are told from steps that round-off makes short, at any amplitude`() throws {
    for a in Self.amplitudes {
      for power in [2, 3, 6] {
        // u' = uᵖ/aᵖ⁻¹ ends at t = 1/(p - 1).
        let blown = DormandPrince(tolerance: 1e-9).integrate([a], at: [0, 2]) { _, u in
          [a * pow(u[0] / a, Double(power))]
        }
        guard case .diverged(let time) = blown.outcome else {
          Issue.record("\(a), \(power): \(blown.outcome)")
          continue
        }
        #expect(abs(time * Double(power - 1) - 1) < 1e-3, "\(a), \(power): \(time)")
      }
      // A rate that jumps about at every look cannot be followed.
      var random = Philox(seed: 3, stream: 3)
      let noisy = DormandPrince(tolerance: 1e-12).integrate([a], at: [1, 2]) { _, u in
        [a * random.normal() * 1e6]
      }
      switch noisy.outcome {
      case .stalled, .gaveUp: break
      default: Issue.record("\(noisy.outcome)")
      }
    }
  }

  @Test func `the limit of Sinkhorn attention keeps its digits at any width`() throws {
    for s in Self.amplitudes {
      for sharpness in [1e-3, 1, 1e3] {
        let measure = GaussianMeasure(
          try TokenAttention(.sinkhorn, sharpness: sharpness, dimension: 1, isRelative: true))
        let rate = measure.rate([0, s])[1]
        // 2(√(s² + ε²/4) - ε/2 - s) to first order where one is far above the other.
        let epsilon = 1 / sharpness
        if s < 1e-5 * epsilon { #expect(abs(rate / (-2 * s) - 1) < 2e-5) }
        if s > 1e5 * epsilon { #expect(abs(rate / -epsilon - 1) < 2e-5) }
      }
    }
  }

  @Test func `what is too stiff for step control is known before, and an integration can be ended`()
    throws
  {
    let stiff = FieldProblem(
      [.diffusion(try DiffusionOperator(Self.grid, .neumann, diffusivity: .uniform(1e9)))],
      channels: 1)
    let pool = WorkerPool(threadCount: 1)
    let integration = try Integration(
      stiff, .dopri5, end: 1, snapshots: 2, stepSize: 1, pool: pool)
    #expect(integration.isTooStiff)
    #expect(integration.longestAdaptiveStep < 3.31 / 4e9)
    struct Stop: Error {}
    for method in Integration.Method.allCases where method != .leapfrog {
      let mild = FieldProblem([.diffusion(try diffusion(.periodic))], channels: 1)
      let some = try Integration(
        mild, method, end: 1, snapshots: 1, stepSize: 0.001, pool: pool)
      var asked = 0
      #expect(throws: Stop.self) {
        _ = try some.run(noise(24, 5)) { _ in
          asked += 1
          if asked > 3 { throw Stop() }
        } _: { _ in
        }
      }
      #expect(asked == 4)
    }
  }
}
