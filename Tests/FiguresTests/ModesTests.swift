import Figures
import Foundation
import Kernels
import Testing

@Suite struct ModesTests {
  /// Mode `k` of `n` cells, as `isotherm integrate` starts it.
  private func wave(_ modes: Modes, _ k: Int, _ n: Int) -> [Double] {
    (0..<n).map { i in
      switch modes {
      case .periodic: sin(2 * .pi * Double(k * i) / Double(n) + 0.3)
      case .neumann: cos(.pi * Double(k) * (Double(i) + 0.5) / Double(n))
      case .dirichlet: sin(.pi * Double(k * (i + 1)) / Double(n + 1))
      }
    }
  }

  @Test(arguments: Modes.allCases)
  func `powers of modes add up to the mean square`(modes: Modes) {
    var random = Philox(seed: 5, stream: 1)
    for (rows, columns) in [(1, 1), (1, 2), (1, 9), (6, 8), (7, 7), (2, 13)] {
      let values = (0..<rows * columns).map { _ in random.uniform() - 0.3 }
      let square = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
      let power =
        rows == 1
        ? modes.power(values) : modes.power(values, rows: rows, columns: columns)
      #expect(abs(power.reduce(0, +) - square) < 1e-12, "\(rows) x \(columns)")
    }
  }

  @Test(arguments: Modes.allCases)
  func `each mode is found where it is, and no other`(modes: Modes) {
    for n in [8, 9, 16, 64] {
      let last = modes == .periodic ? (n - 1) / 2 : modes == .neumann ? n - 1 : n
      for k in 1...last {
        let wave = wave(modes, k, n)
        let line = modes.power(wave)
        let square = wave.reduce(0) { $0 + $1 * $1 } / Double(n)
        #expect(abs(line[k] - square) < 1e-12)
        #expect(line.enumerated().allSatisfy { $0.offset == k || $0.element < 1e-28 * square })
      }
      // A product of third modes down and across lies √18 ≈ 4 modes from 0.
      let third = wave(modes, 3, n)
      let plane = (0..<n).flatMap { y in third.map { $0 * third[y] } }
      let shells = modes.power(plane, rows: n, columns: n)
      #expect(abs(shells[4] - shells.reduce(0, +)) < 1e-12 && shells[4] > 0.1)
    }
  }

  @Test func `one mode alone is drawn, with the others on the floor of rounding`() throws {
    let line = wave(.neumann, 3, 64)
    let power = Modes.neumann.power(line)
    let modes = Array(1..<64)
    let floor = power.reduce(0, +) * 1e-28
    let figure = SpectrumFigure.make(
      [
        .init(
          name: "u", modes: modes.map(Double.init), power: [modes.map { power[$0] }],
          floor: [floor])
      ], times: [0], time: "time", caption: "c.", title: "t", theme: .light)
    #expect(figure.caption.contains("62 of 63 powers are 0 within rounding"), "\(figure.caption)")
    let panel = try #require(figure.sections.first?.rows.first?.first)
    guard case .line(_, let drawn, _) = try #require(panel.marks.first) else {
      Issue.record("no line")
      return
    }
    #expect(drawn.min() == floor && abs((drawn.max() ?? 0) - 0.5) < 1e-12)
    #expect(panel.y.scale.domain.contains(floor) && panel.y.scale.domain.contains(0.5))
  }
}
