import Dynamics
import Foundation
import Kernels
import Testing

/// An integration that goes on from any of its steps ends with the same bits.
@Suite struct PositionTests {
  private struct Stop: Error {}

  private func problem(_ isSecondOrder: Bool) throws -> FieldProblem {
    let grid = FieldGrid(rows: 6, columns: 8)
    return FieldProblem(
      [.diffusion(try DiffusionOperator(grid, .periodic, diffusivity: .uniform(0.3)))],
      channels: 1, isSecondOrder: isSecondOrder)
  }

  @Test(arguments: Integration.Method.allCases)
  func `any method goes on from any step to the same bits`(method: Integration.Method) throws {
    var random = Philox(seed: 5, stream: 3)
    let start = (0..<48).map { _ in random.normal() }
    let integration = try Integration(
      problem(method == .leapfrog), method, end: 3, snapshots: 4, stepSize: 0.004,
      pool: WorkerPool(threadCount: 1))
    var whole: [Integration.Snapshot] = []
    var steps = 0
    #expect(
      try integration.run(start, check: { _ in steps += 1 }) { whole.append($0) } == .reached)
    #expect(whole.count == 5 && steps > 4)
    for place in [1, 2, steps / 3, steps / 2, steps - 1, steps] {
      var (position, asked) = (Integration.Position?.none, 0)
      var shown: [Integration.Snapshot] = []
      #expect(throws: Stop.self) {
        _ = try integration.run(
          start,
          check: { now in
            asked += 1
            position = now
            if asked == place { throw Stop() }
          }
        ) { shown.append($0) }
      }
      let found = try #require(position)
      #expect(found.snapshot + 1 == shown.count)
      #expect(try integration.run(start, from: found) { shown.append($0) } == .reached)
      #expect(shown.map(\.time) == whole.map(\.time))
      #expect(shown.map(\.u) == whole.map(\.u), "\(method) from step \(place) of \(steps)")
      #expect(shown.map(\.velocity) == whole.map(\.velocity))
    }
  }
}
