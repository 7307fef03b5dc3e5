import Figures
import Foundation
import Testing

@Suite struct ScaleTests {
  @Test func `ticks are round numbers inside the domain`() {
    let scale = Scale(.linear, 0.03...0.97)
    let ticks = scale.ticks(5)
    #expect(ticks.map(\.label) == ["0.2", "0.4", "0.6", "0.8"])
    #expect(Scale(.linear, -5...5).ticks(4).first?.label.hasPrefix("−") ?? false)
    #expect(Scale(.log, 1e-6...1e3).ticks(4).contains { $0.label == "10⁻⁶" })
  }

  @Test func `labels of one axis are all different`() {
    for (low, high) in [(0, 1e-9), (1e6, 1.000001e6), (-3.2, 7.9), (0.99, 1.01), (1e8, 5e8)] {
      let labels = Scale(.linear, low...high).ticks(6).map(\.label)
      #expect(Set(labels).count == labels.count, "\(low) \(high): \(labels)")
    }
  }

  @Test func `empty, equal and unusable values still give an axis`() {
    #expect(Scale(fitting: []).domain == 0...1)
    #expect(Scale(fitting: [.nan, .infinity]).domain == 0...1)
    let one = Scale(fitting: [5, 5 + 1e-13])
    #expect(one.domain.upperBound - one.domain.lowerBound > 0.5)
    #expect(Scale(fitting: [-1, 0], .log).domain == 1...10)
  }
}

@Suite struct FigureTests {
  private func wave(_ count: Int, _ shift: Double = 0) -> [Double] {
    (0..<count).map { 0.5 + 0.4 * sin(Double($0) / 5 + shift) }
  }

  /// Every figure of the catalogue on made-up values.
  private func catalogue(_ theme: Theme) -> [(name: String, figure: Figure)] {
    let layers = Array(0..<6)
    let curves = (0..<5).map { wave(6, Double($0)) }
    let trajectories = ["network", "autonomous", "diffusion"].map { name in
      FlowFigure.Trajectory(
        name: name, norms: (0..<7).map { wave(49, Double($0)) }, correlation: wave(6),
        correlationLower: wave(6), correlationUpper: wave(6), error: wave(7), errorLower: wave(7),
        errorUpper: wave(7), alignment: wave(49))
    }
    let measure = SimilarityFigure.Measure(
      title: "raw cosine", value: curves, lower: curves, upper: curves, skill: [wave(6)],
      skillLower: [wave(6)], skillUpper: [wave(6)])
    let pairs = wave(7).map { ($0 - 0.1, $0 + 0.1) }
    let plane = InformationPlaneFigure.Plane(
      estimator: "kde", settings: "noise", input: (0..<6).map { wave(7, Double($0)) },
      label: (0..<6).map { wave(7, Double($0) / 2) }, labelNull: wave(7), inputInterval: pairs,
      labelInterval: pairs, saturated: [Bool](repeating: false, count: 7))
    return [
      (
        "training",
        TrainingFigure.make(
          .init(
            epoch: (0..<200).map { Double($0) / 40 }, loss: wave(200), accuracy: wave(200),
            rate: wave(200).map { $0 / 1000 }, gradientNorm: wave(200).map { $0 * 30 },
            checkpointEpoch: [0, 1, 2, 3, 4, 5], testLoss: wave(6), testAccuracy: wave(6)),
          title: "Training", theme: theme)
      ),
      (
        "flow",
        FlowFigure.make(
          trajectories, rows: 7, columns: 7, samples: 8, title: "Flow", theme: theme)
      ),
      (
        "attention",
        AttentionFigure.make(
          (0..<6).map { layer in (0..<4).map { wave(81, Double(layer + $0)) } }, layers: layers,
          keys: 9, title: "Attention", what: "Made up.", theme: theme)
      ),
      (
        "similarity",
        SimilarityFigure.make(
          [measure, measure], names: ["pde", "uniform", "position", "untrained", "shuffled"],
          isNull: [false, true, true, true, true], layers: layers, samples: 8,
          parameters: [50_000], title: "Similarity", theme: theme)
      ),
      (
        "information-plane",
        InformationPlaneFigure.make(
          [plane, plane], depthTimes: (0..<7).map { Double($0) / 6 }, samples: 256,
          title: "Plane", theme: theme)
      ),
    ]
  }

  @Test(arguments: [Theme.light, .dark].map(\.name))
  func `no text leaves the canvas and no two texts overlap`(name: String) throws {
    for (figure, content) in catalogue(name == "light" ? .light : .dark) {
      let canvas = try content.draw(name == "light" ? .light : .dark, dpi: 72)
      let page = Rectangle(x: 0, y: 0, width: canvas.width, height: canvas.height)
      for item in canvas.texts {
        #expect(page.contains(item.box), "\(figure): «\(item.text)» at \(item.box)")
      }
      for (i, a) in canvas.texts.enumerated() {
        for b in canvas.texts[(i + 1)...] {
          #expect(
            !a.box.overlaps(b.box, slack: 0.5), "\(figure): «\(a.text)» and «\(b.text)» overlap")
        }
      }
    }
  }

  @Test func `text has a contrast of at least 4.5 to 1 in both themes`() {
    for theme in [Theme.light, .dark] {
      for color in [theme.foreground, theme.muted, theme.null] + theme.series {
        #expect(color.contrast(with: theme.background) >= 4.5 || theme.series.contains(color))
      }
      #expect(theme.series.allSatisfy { $0.contrast(with: theme.background) >= 3 })
    }
  }

  @Test func `the same figure gives the same bytes, with resolution and provenance inside`() throws
  {
    let folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let figure = catalogue(.light)[2].figure
    let files = try ["a", "b"].map { name -> Data in
      let path = "\(folder)/\(name).png"
      try PNGFile.write(
        try figure.draw(.light, dpi: 100), to: path,
        texts: [("Title", figure.title), ("Source", "run ∂u")])
      return try Data(contentsOf: URL(fileURLWithPath: path))
    }
    #expect(files[0] == files[1])
    #expect(files[0].range(of: Data("pHYs".utf8)) != nil)
    #expect(files[0].range(of: Data("tEXtTitle\0Attention".utf8)) != nil)
    #expect(files[0].range(of: Data("iTXtSource".utf8)) != nil)
  }

  @Test func `an unwritable place names the remedy`() throws {
    let canvas = try catalogue(.light)[0].figure.draw(.light, dpi: 40)
    #expect {
      try PNGFile.write(canvas, to: "/nowhere/a.png", texts: [])
    } throws: { String(describing: $0).contains("choose another place") }
  }

  @Test func `figures of nothing, one point and NaN are drawn`() throws {
    for values in [[], [1.0], [Double.nan, .nan]] {
      let figure = TrainingFigure.make(
        .init(
          epoch: values, loss: values, accuracy: values, rate: values, gradientNorm: values,
          checkpointEpoch: [], testLoss: [], testAccuracy: []), title: "x", theme: .light)
      let canvas = try figure.draw(.light, dpi: 50)
      #expect(canvas.pixels().bytes.contains { $0 != 255 })
    }
  }
}
