import Figures
import Foundation
import Kernels
import Testing

/// Figures over a grid of sizes of numbers, offsets, gaps, pages and texts: each is drawn so that all can be seen, or refused.
@Suite struct GeneratedFigureTests {
  /// Sizes of numbers, as what is added to and multiplied with values of about 1.
  static let sizes: [(offset: Double, factor: Double)] = [
    (0, 1), (0, 1e-300), (0, .leastNonzeroMagnitude), (0, 1e-15), (0, 1e-5), (0, 1e9), (1e9, 1e-3),
    (-1e9, 1),
    (1e15, 4), (0, 1e300), (0, 1.7e308), (1, 1e-12), (1e-300, 1e-300 / 1e10),
  ]

  /// Which values are missing or infinite, by their place.
  static let gaps: [(name: String, value: @Sendable (Int, Int, Double) -> Double)] = [
    ("whole", { _, _, value in value }),
    ("islands", { i, _, value in i % 2 == 0 ? value : .nan }),
    ("pairs", { i, _, value in i % 5 < 2 ? value : .nan }),
    ("none", { _, _, _ in .nan }),
    ("leading", { i, count, value in i < count / 2 ? .nan : value }),
    ("trailing", { i, count, value in i > count / 2 ? .nan : value }),
    ("one", { i, count, value in i == count / 2 ? value : .nan }),
    ("infinite", { i, _, value in i % 4 == 1 ? .infinity : i % 4 == 3 ? -.infinity : value }),
    ("an end", { i, count, value in i == count - 1 ? .infinity : value }),
  ]

  private func values(_ size: Int, _ gap: Int, _ seed: Int, _ count: Int) -> [Double] {
    var random = Philox(seed: UInt64(seed), stream: 7)
    return (0..<count).map { i in
      let (offset, factor) = Self.sizes[size]
      return Self.gaps[gap].value(i, count, offset + factor * (2 * random.uniform() - 1))
    }
  }

  /// What would make a page wrong in a reader's eyes.
  private func fault(_ canvas: Canvas) -> String? {
    let page = Rectangle(
      x: -0.5, y: -0.5, width: canvas.width + 1, height: canvas.height + 1)
    for (i, a) in canvas.texts.enumerated() {
      if !page.contains(a.box) { return "«\(a.text)» leaves the page" }
      for b in canvas.texts[(i + 1)...] where a.box.overlaps(b.box, slack: 0.5) {
        return "«\(a.text)» and «\(b.text)» overlap"
      }
    }
    for (i, a) in canvas.panels.enumerated() {
      if !page.contains(a) || a.width < 5 || a.height < 5 { return "the panel \(a) is none" }
      for b in canvas.panels[(i + 1)...] where a.overlaps(b, slack: 0.5) {
        return "the panels \(a) and \(b) overlap"
      }
    }
    return nil
  }

  private func isRefusal(_ error: any Error) -> Bool {
    let words = String(describing: error)
    return words.contains("is too small for") && words.contains("--font-size")
      && !words.contains("\n")
  }

  @Test(arguments: sizes.indices)
  func `every figure of the catalogue is drawn or refused, whatever the numbers and the page`(
    size: Int
  ) throws {
    var random = Philox(seed: 11, stream: UInt64(size))
    var (drawn, refused) = (0, 0)
    for gap in Self.gaps.indices {
      // Each of the 24 figures meets one of the gaps for each size, and over the sizes all of them.
      let figures = Catalogue.figures(.light) { count, shift in
        values(size, gap, Int(shift * 10) + 1, count)
      }.enumerated().filter { ($0.offset + size) % Self.gaps.count == gap }.map(\.element)
      for (name, figure) in figures {
        var content = figure
        let place = "\(name), \(Self.gaps[gap].name) of \(Self.sizes[size])"
        do {
          switch Int(random.uniform() * 4) {
          case 0: content = try content.fitted(.light)
          case 1:
            content.width = [89, 183][Int(random.uniform() * 2)] * 72 / 25.4
            content = try content.fitted(.light, isWidthFixed: true)
          case 2:
            content.fontSize = [4, 6, 12, 24, 72][Int(random.uniform() * 5)]
            content = try content.fitted(.light)
          default:
            content.width = (30 + 270 * random.uniform()) * 72 / 25.4
            content.height = (30 + 270 * random.uniform()) * 72 / 25.4
          }
          let canvas = try content.draw(.light, dpi: 30)
          #expect(fault(canvas) == nil, "\(place): \(fault(canvas) ?? "")")
          drawn += 1
        } catch {
          #expect(isRefusal(error), "\(place): \(error)")
          refused += 1
        }
      }
    }
    #expect(drawn > 2 * refused, "\(drawn) drawn, \(refused) refused")
  }

  @Test func `a refused page names one that is enough`() throws {
    for (index, (name, figure)) in Catalogue.figures(.light).enumerated() {
      var content = figure
      (content.width, content.height) = (30 * 72 / 25.4, 30 * 72 / 25.4)
      content.fontSize = [6, 8, 11, 24, 36][index % 5]
      do {
        let canvas = try content.draw(.light, dpi: 30)
        #expect(fault(canvas) == nil, "\(name)")
      } catch let error as FigureError {
        let words = error.message
        let found = try #require(words.firstMatch(of: /--size (\d+)x(\d+)/), "\(name): \(words)")
        content.width = (Double(found.1) ?? 0) * 72 / 25.4
        content.height = (Double(found.2) ?? 0) * 72 / 25.4
        let canvas = try content.draw(.light, dpi: 30)
        #expect(fault(canvas) == nil, "\(name) at \(words)")
      }
    }
  }

  /// Whether a pixel near a place in points has about the colour.
  private func has(
    _ color: Color, _ pixels: (bytes: [UInt8], width: Int, height: Int), _ scale: Double,
    _ x: Double, _ y: Double, reach: Int
  ) -> Bool {
    let (column, row) = (Int(x * scale), Int(y * scale))
    for r in max(0, row - reach)...min(pixels.height - 1, row + reach) {
      for c in max(0, column - reach)...min(pixels.width - 1, column + reach) {
        let place = 3 * (r * pixels.width + c)
        let distance = zip([color.red, color.green, color.blue], pixels.bytes[place..<place + 3])
          .map { abs($0 * 255 - Double($1)) }.reduce(0, +)
        if distance < 150 { return true }
      }
    }
    return false
  }

  @Test(arguments: sizes.indices)
  func `every value of a line leaves ink where it belongs`(size: Int) throws {
    for gap in Self.gaps.indices {
      for count in [1, 2, 10, 61, 200] {
        let y = values(size, gap, 3, count)
        let x = (0..<count).map(Double.init)
        let figure = try AnyFigure.make(
          y, axes: [.init(name: "x", coordinates: x)], quantity: "q", title: "t", theme: .light
        ).fitted(.light)
        let canvas = try figure.draw(.light, dpi: 72)
        let (pixels, box) = (canvas.pixels(), canvas.panels[0])
        let panel = figure.sections[0].rows[0][0]
        for i in 0..<count where !y[i].isNaN {
          let across = box.x + panel.x.scale.place(x[i]) * box.width
          let up = min(max(panel.y.scale.place(y[i]), 0), 1)
          #expect(up.isFinite)
          let height = box.maxY - up * box.height
          #expect(
            has(Theme.light.color(0), pixels, 1, across, height, reach: 3),
            "\(y[i]) at \(i) of \(count), \(Self.gaps[gap].name)")
        }
        // No finite value is at the edge for another's sake.
        let finite = y.filter(\.isFinite)
        if let low = finite.min(), let high = finite.max() {
          let ends = (panel.y.scale.place(low), panel.y.scale.place(high))
          #expect(ends.0 >= 0 && ends.1 <= 1, "\(ends)")
          let isOne = high - low <= 1e-13 * max(abs(low), abs(high))
          #expect(isOne || ends.1 - ends.0 > 0.85, "\(low) to \(high) is flat: \(ends)")
        }
        let told = canvas.texts.map(\.text).joined(separator: " ")
        #expect(told.contains("beyond an axis") == y.contains { $0.isInfinite }, "\(told)")
        #expect(told.contains("hold no number") == y.contains { $0.isNaN }, "\(told)")
      }
    }
  }

  @Test(arguments: sizes.indices)
  func `every cell of a map has the colour of its value`(size: Int) throws {
    for gap in Self.gaps.indices {
      for (rows, columns) in [(2, 2), (4, 5), (9, 3)] {
        let v = values(size, gap, 5, rows * columns)
        let axes = [rows, columns].map {
          AnyFigure.Axis(name: "a", coordinates: (0..<$0).map(Double.init))
        }
        let figure = AnyFigure.make(
          v, axes: axes, quantity: "q", title: "t", theme: .light)
        let canvas = try figure.draw(.light, dpi: 72)
        let pixels = canvas.pixels()
        let box = try #require(canvas.panels.max { $0.width < $1.width })
        let bar = try #require(figure.sections[0].colorBar)
        let (low, high) = (bar.domain.lowerBound, bar.domain.upperBound)
        for (i, value) in v.enumerated() {
          let place =
            value.isInfinite
            ? (value > 0 ? 1 : 0)
            : (value / 4 - low / 4) / max(high / 4 - low / 4, .leastNonzeroMagnitude)
          // Fewer digits than colours have.
          guard high - low > 1e-300 / 1e18 || value.isNaN else { continue }
          let color = value.isNaN ? Theme.light.missing : bar.map.color(place)
          let x = box.x + (Double(i % columns) + 0.5) / Double(columns) * box.width
          let y = box.y + (Double(i / columns) + 0.5) / Double(rows) * box.height
          let at = 3 * (Int(y) * pixels.width + Int(x))
          let distance = zip([color.red, color.green, color.blue], pixels.bytes[at..<at + 3])
            .map { abs($0 * 255 - Double($1)) }.reduce(0, +)
          #expect(distance < 12, "\(value) of \(bar.domain), \(Self.gaps[gap].name)")
        }
        let told = canvas.texts.map(\.text).joined(separator: " ")
        #expect(told.contains("beyond the colours") == v.contains { $0.isInfinite }, "\(told)")
        // Cells are counted in whole numbers.
        for item in canvas.texts
        where item.box.maxX < box.x && item.box.y > box.y && item.box.maxY < box.maxY {
          #expect(!item.text.contains("."))
        }
      }
    }
  }

  @Test func `labels of ticks are the numbers they stand at, and apart`() throws {
    var random = Philox(seed: 13, stream: 2)
    let digits = Dictionary(uniqueKeysWithValues: zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    func number(_ label: String) -> Double? {
      let plain = label.replacing("−", with: "-")
      guard let range = plain.range(of: "·10") else {
        if plain.hasPrefix("10"), plain.count > 2, digits[plain.dropFirst(2).first ?? " "] != nil {
          return Double("1e" + String(plain.dropFirst(2).compactMap { digits[$0] }))
        }
        return Double(plain)
      }
      return Double(
        plain[..<range.lowerBound] + "e"
          + String(plain[range.upperBound...].compactMap { digits[$0] }))
    }
    for trial in 0..<3000 {
      let (offset, factor) = Self.sizes[trial % Self.sizes.count]
      let ends = [random.uniform(), random.uniform()].map { offset + factor * (2 * $0 - 1) }
      let isLog = trial % 3 == 0
      let scale = Scale(fitting: ends, isLog ? .log : .linear)
      let ticks = scale.ticks(2 + trial % 7)
      let place = "\(scale.kind) \(scale.domain)"
      #expect(ticks.count > 1, "\(place)")
      #expect(Set(ticks.map(\.label)).count == ticks.count, "\(place): \(ticks)")
      let span = scale.domain.upperBound / 2 - scale.domain.lowerBound / 2
      for tick in ticks {
        let told = try #require(number(tick.label), "\(place): \(tick.label)")
        // A hundredth of the axis; the smallest numbers have fewer digits than that.
        let error = abs((told - (tick.value - scale.offset)) / 2)
        #expect(
          error <= 0.01 * span + 2 * .leastNonzeroMagnitude || error <= 1e-3 * abs(told),
          "\(place): \(tick)")
        #expect((-0.001...1.001).contains(scale.place(tick.value)), "\(place): \(tick)")
      }
      for value in scale.minorTicks(5) { #expect(scale.domain.contains(value)) }
    }
    for last in 1...40 {
      for count in 1...8 {
        for tick in Scale(.linear, 0...Double(last)).whole().ticks(count) {
          #expect(tick.value == tick.value.rounded() && Int(tick.label) != nil, "\(last): \(tick)")
        }
      }
    }
  }

  @Test func `running means do not see what they do not hold`() {
    var random = Philox(seed: 17, stream: 1)
    for count in [1, 79, 80, 81, 400, 1603] {
      for kind in 0..<4 {
        let values = (0..<count).map { i -> Double in
          switch kind {
          case 0: random.uniform()
          case 1: i % 7 == 3 ? .nan : random.uniform()
          case 2: i < count / 2 ? 1e300 : random.uniform()
          default: i % 50 == 10 ? .infinity : 1.7e308 * random.uniform()
          }
        }
        let half = count / 80
        let epoch = (0..<count).map(Double.init)
        let figure = TrainingFigure.make(
          .init(
            epoch: epoch, loss: values, accuracy: epoch, rate: epoch, gradientNorm: epoch,
            checkpointEpoch: [], testLoss: [], testAccuracy: []), title: "t", theme: .light)
        guard case .line(_, let means, _) = figure.sections[0].rows[0][0].marks[1] else { continue }
        for i in 0..<count {
          let window = values[max(0, i - half)..<min(count, i + half + 1)].filter(\.isFinite)
          let mean = window.reduce(0) { $0 + $1 / Double(window.count) }
          #expect(
            values[i].isFinite
              ? abs(means[i] / mean - 1) < 1e-9
              : means[i].isNaN == values[i].isNaN && !means[i].isFinite,
            "\(kind), \(i) of \(count): \(means[i]) for \(mean)")
        }
      }
    }
  }

  @Test func `ten million points are drawn in bounded time, and each island is seen`() throws {
    let count = 10_000_000
    let x = (0..<count).map(Double.init)
    let y = x.map { $0.truncatingRemainder(dividingBy: 1_000_000) == 7 ? 1.0 : .nan }
    let figure = Figure(
      title: "t", width: 300, height: 200,
      sections: [
        .init([
          [
            Panel(
              x: .init(Scale(fitting: x)), y: .init(Scale(fitting: [0, 1])),
              marks: [.line(x, y, .init(Color(hex: 0xFF0000)))])
          ]
        ])
      ])
    let canvas = try figure.draw(.light, dpi: 72)
    let (pixels, box, panel) = (canvas.pixels(), canvas.panels[0], figure.sections[0].rows[0][0])
    for i in stride(from: 7, to: count, by: 1_000_000) {
      let across = box.x + panel.x.scale.place(Double(i)) * box.width
      #expect(
        has(
          Color(hex: 0xFF0000), pixels, 1, across,
          box.maxY - panel.y.scale.place(1) * box.height, reach: 2))
    }
  }

  @Test func `what controls a terminal is neither drawn nor lost`() throws {
    let figure = CorrelationFigure.make(
      [Curve("a\u{7}b", [1, 2], [0, 1])], samples: 3, title: "one\ntwo\tthree\u{1}\0four",
      theme: .light)
    let canvas = try figure.draw(.light, dpi: 40)
    let told = canvas.texts.map(\.text)
    #expect(told.contains("one two three\u{FFFD}\u{FFFD}four"), "\(told)")
    #expect(!told.contains { $0.unicodeScalars.contains { $0.value < 32 } })
  }

  @Test func `a point without a place is told`() throws {
    let figure = AnyFigure.make(
      [1, 2, 3, 4, 5], axes: [.init(name: "k", coordinates: [0, 1, 2, 3, .nan])], quantity: "q",
      title: "t", theme: .light)
    let told = try figure.draw(.light, dpi: 40).texts.map(\.text).joined(separator: " ")
    #expect(told.contains("1 point has no number along the horizontal axis"), "\(told)")
  }

  @Test func `a run that diverged keeps the colours of what it was before`() throws {
    let snapshots = (0..<12).map { t in
      (0..<16).map { 1.1 * sin(Double($0)) * (t < 9 ? 1 : pow(10, Double(t - 8) * 100)) }
    }
    let domain = FieldFigure.domain(of: snapshots)
    #expect(abs(domain.upperBound - 1.1) < 0.1)
    let figure = FieldFigure.make(
      snapshots, rows: 4, columns: 4, times: (0..<12).map(Double.init), energy: [], mass: [],
      ending: "diverged", title: "t", theme: .light)
    let told = try figure.draw(.light, dpi: 40).texts.map(\.text).joined(separator: " ")
    #expect(told.contains("beyond the colours"), "\(told)")
    // A field that only decays, or is a peak among nearly nothing, is shown as a whole.
    let decaying = (0..<12).map { t in [pow(10, Double(-3 * t))] }
    #expect(FieldFigure.domain(of: decaying).upperBound == 1)
  }
}
