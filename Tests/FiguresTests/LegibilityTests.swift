import Figures
import Foundation
import Testing

/// What a reader must be able to tell apart.
@Suite struct LegibilityTests {
  /// Distance of two colours in CIELAB (1976), as seen by readers with red, green and blue cones of `cones`: of 9 numbers, row by row.
  private func distance(_ a: Color, _ b: Color, _ cones: [Double]) -> Double {
    func lab(_ color: Color) -> [Double] {
      let linear = [color.red, color.green, color.blue].map {
        $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4)
      }
      func times(_ matrix: [Double], _ v: [Double]) -> [Double] {
        (0..<3).map { row in (0..<3).reduce(0) { $0 + matrix[3 * row + $1] * v[$1] } }
      }
      let seen = times(cones, linear)
      let xyz = times(
        [0.4124, 0.3576, 0.1805, 0.2126, 0.7152, 0.0722, 0.0193, 0.1192, 0.9505], seen)
      let f = zip(xyz, [0.9505, 1, 1.089]).map { value, white in
        let t = max(value / white, 0)
        return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116
      }
      return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
    }
    return zip(lab(a), lab(b)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  @Test(arguments: [
    // All cones; without the second kind, without the first (Viénot, Brettel & Mollon 1999).
    ("all", [1.0, 0, 0, 0, 1, 0, 0, 0, 1], 35.0),
    ("deuteranopia", [0.29275, 0.70725, 0, 0.29275, 0.70725, 0, -0.02234, 0.02234, 1], 18),
    ("protanopia", [0.11238, 0.88762, 0, 0.11238, 0.88762, 0, 0.00401, -0.00401, 1], 11),
  ])
  func `no two series look alike`(name: String, cones: [Double], least: Double) {
    for theme in [Theme.light, .dark] {
      for (i, a) in theme.series.enumerated() {
        for b in theme.series[(i + 1)...] {
          #expect(distance(a, b, cones) > least, "\(theme.name), \(name): \(a) and \(b)")
        }
      }
      if name == "all" {
        #expect(theme.series.allSatisfy { distance($0, theme.null, cones) > 25 })
      }
    }
  }

  @Test func `only nulls are grey and dashed`() {
    for theme in [Theme.light, .dark] {
      let nulls = (0..<4).map { theme.nullLine($0) }
      #expect(nulls.allSatisfy { $0.color == theme.null && !$0.dash.isEmpty })
      #expect(Set(nulls.map(\.dash)).count == 4)
      let lines = (0..<12).map { theme.line($0) }
      #expect(lines.allSatisfy { $0.color != theme.null && !nulls.map(\.dash).contains($0.dash) })
      #expect(Set(lines.map { "\($0.color) \($0.dash)" }).count == 12)
      #expect(theme.reference.dash.isEmpty && theme.reference.color != theme.null)
    }
  }

  @Test func `likenesses near 1 stand apart, and an axis of them has the numbers that are claimed`()
  {
    let scale = Scale(fitting: [0.2, 0.95, 0.98, 0.99, 0.995, 0.9995], .belowOne)
    #expect(scale.place(0.995) - scale.place(0.98) > 0.1)
    #expect(scale.place(1) == .infinity && scale.place(.nan).isNaN)
    let labels = scale.ticks(6).map(\.label)
    #expect(labels.contains("0.9") && labels.contains("0.99") && labels.contains("0.999"))
    for (low, high) in [(-30, 0.5), (0.4, 0.9999), (0.98, 0.985), (0.9999991, 0.9999994)] {
      let scale = Scale(fitting: [low, high], .belowOne)
      let ticks = scale.ticks(5)
      #expect(ticks.count >= 2, "\(low) \(high): \(ticks)")
      #expect(Set(ticks.map(\.label)).count == ticks.count, "\(low) \(high): \(ticks)")
      #expect(ticks.allSatisfy { (0...1).contains(scale.place($0.value)) })
    }
    // Nothing below 1, or nothing at all, still gives an axis.
    #expect(Scale(fitting: [1, 2], .belowOne).domain.upperBound < 1)
    #expect(Scale(fitting: [], .belowOne).ticks(4).count >= 2)
  }

  @Test(arguments: ["drift", "skill", "perturbation", "terms", "stability", "similarity"])
  func `a narrow figure has no ragged grid, and no title is cut`(name: String) throws {
    var figure = try #require(Catalogue.figures(.light).first { $0.name == name }).figure
    figure.width = 89 * 72 / 25.4
    let canvas = try figure.fitted(.light, isWidthFixed: true).draw(.light, dpi: 72)
    let rows = Dictionary(grouping: canvas.panels) { $0.y.rounded() }
    #expect(Set(rows.values.map(\.count)).count == 1, "\(rows.mapValues(\.count))")
    #expect(!canvas.texts.contains { $0.text.hasSuffix("…") }, "\(canvas.texts.map(\.text))")
  }

  @Test func `a point on the frame is whole`() throws {
    let figure = Figure(
      title: "", width: 200, height: 150,
      sections: [
        .init([
          [
            Panel(
              x: .init(Scale(.linear, 0...1), ticks: []),
              y: .init(Scale(.linear, 0...1), ticks: []),
              marks: [.points([0.5], [1], Color(hex: 0xFF0000), radius: 6, hollow: false)],
              hasGrid: false)
          ]
        ])
      ])
    let canvas = try figure.draw(.light, dpi: 72)
    let (pixels, panel) = (canvas.pixels(), try #require(canvas.panels.first))
    let row = Int(panel.y) - 3
    let place = (row * pixels.width + Int(panel.midX)) * 3
    #expect(pixels.bytes[place] > 200 && pixels.bytes[place + 1] < 60)
  }
}
