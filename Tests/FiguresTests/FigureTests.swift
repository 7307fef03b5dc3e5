import Figures
import Foundation
import Kernels
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
  /// At their own size, two thirds and twice of it.
  @Test(arguments: [Theme.light, .dark].map(\.name), [0.66, 1, 2])
  func `no text leaves the canvas and no two texts overlap`(name: String, scale: Double) throws {
    let theme = name == "light" ? Theme.light : .dark
    for (figure, whole) in Catalogue.figures(theme) {
      var content = whole
      content.width *= scale
      content.height *= scale
      // A page that is too low for its labels grows, as with --columns; its width stays.
      let canvas = try content.fitted(theme, isWidthFixed: true).draw(theme, dpi: 72)
      #expect(canvas.width == content.width)
      let page = Rectangle(x: 0, y: 0, width: canvas.width, height: canvas.height)
      for item in canvas.texts {
        #expect(page.contains(item.box), "\(figure): «\(item.text)» at \(item.box)")
      }
      for (i, a) in canvas.texts.enumerated() {
        for b in canvas.texts[(i + 1)...] {
          #expect(
            !a.box.overlaps(b.box, slack: 0.5),
            "\(figure) x \(scale): «\(a.text)» and «\(b.text)» overlap")
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
    let figure = Catalogue.figures(.light)[2].figure
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
    let canvas = try Catalogue.figures(.light)[0].figure.draw(.light, dpi: 40)
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

  /// Golden images at a low resolution; byte for byte the same twice on one machine, and near the recorded ones on any.
  @Test func `every figure looks as it did`() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/golden"
    let scratch = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString + ".png"
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    for theme in [Theme.light, .dark] {
      for (name, figure) in Catalogue.figures(theme) + Catalogue.marks(theme) {
        let golden = "\(folder)/\(name)-\(theme.name).png"
        let canvas = try figure.draw(theme, dpi: 40)
        #expect(try figure.draw(theme, dpi: 40).pixels().bytes == canvas.pixels().bytes)
        if ProcessInfo.processInfo.environment["ISOTHERM_RECORD"] != nil {
          try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
          try PNGFile.write(canvas, to: golden, texts: [])
        }
        try PNGFile.write(canvas, to: scratch, texts: [])
        let (now, then) = (try PNGFile.read(scratch), try PNGFile.read(golden))
        try #require(now.width == then.width && now.height == then.height, "\(name)")
        let pixels = canvas.pixels()
        #expect(now.bytes == pixels.bytes, "\(name): read otherwise than written")
        let difference = zip(now.bytes, then.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        // Another FreeType blurs the edges of letters: a few levels of a few pixels in a hundred.
        #expect(
          Double(difference) / Double(now.bytes.count) < 0.8, "\(name): look at it, and record it")
      }
    }
  }

  @Test func `hostile images are refused, not believed`() throws {
    let path = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString + ".png"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try PNGFile.write(
      Catalogue.figures(.light)[0].figure.draw(.light, dpi: 40), to: path,
      texts: [("Title", "a"), ("Source", "∂")])
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(try PNGFile.read(path).texts == ["Title": "a", "Source": "∂"])
    var random = Philox(seed: 3, stream: 3)
    for trial in 0..<300 {
      var bytes = whole
      switch trial % 3 {
      case 0: bytes = bytes.prefix(Int(random.uniform() * Double(whole.count)))
      case 1:
        for _ in 0..<8 {
          bytes[Int(random.uniform() * Double(bytes.count))] ^= UInt8(1 << (trial % 8))
        }
      default: for i in 16..<24 { bytes[i] = UInt8(truncatingIfNeeded: random.next()) }
      }
      try bytes.write(to: URL(fileURLWithPath: path))
      // Damage to a text goes unseen where its checksum is not looked at; all else is told.
      do { _ = try PNGFile.read(path) } catch { #expect(error is FigureError) }
    }
  }

  @Test func `many points and cells are drawn by what pixels can show, and it is said`() throws {
    let count = 1_000_000
    let x = (0..<count).map(Double.init)
    var y = x.map { sin($0 / 1e5) }
    y[543_210] = 9
    func figure(_ marks: [Panel.Mark], _ scale: Scale) -> Figure {
      Figure(
        title: "t", width: 300, height: 200,
        sections: [
          .init([[Panel(x: .init(Scale(fitting: x)), y: .init(scale), marks: marks)]])
        ])
    }
    // A single high point among a million is still there.
    let style = Panel.LineStyle(Color(hex: 0xFF0000))
    let tall = try figure([.line(x, y, style)], Scale(fitting: y)).draw(.light, dpi: 72)
    #expect(tall.texts.contains { $0.text.contains("lowest and highest") })
    let pixels = tall.pixels()
    let red = (0..<pixels.height).first { row in
      (0..<pixels.width).contains { column in
        let place = (row * pixels.width + column) * 3
        return pixels.bytes[place] > 200 && pixels.bytes[place + 1] < 160
      }
    }
    #expect(try #require(red) < 60)
    let map = Figure(
      title: "t", width: 300, height: 200,
      sections: [
        .init([
          [
            Panel.cells(
              (0..<4_000_000).map { $0 % 2 == 0 ? 0 : 1 }, rows: 2000, columns: 2000, .viridis,
              0...1)
          ]
        ])
      ])
    let drawn = try map.draw(.light, dpi: 72)
    #expect(drawn.texts.contains { $0.text.contains("averaged") })
    let seen = drawn.pixels()
    let middle = (seen.height / 2 * seen.width + seen.width / 2) * 3
    let half = ColorMap.viridis.color(0.5)
    #expect(abs(Double(seen.bytes[middle + 1]) - 255 * half.green) < 3)
  }

  @Test func `contours lie on their level, and saddles are cut apart`() {
    let segments = Contours.segments(
      (0..<400).map { i in
        let (x, y) = (Double(i % 20) + 0.5 - 10, Double(i / 20) + 0.5 - 10)
        return (x * x + y * y).squareRoot()
      }, rows: 20, columns: 20, level: 6)
    #expect(segments.count > 30)
    for point in segments.flatMap({ $0 }) {
      let distance = ((point.x - 10) * (point.x - 10) + (point.y - 10) * (point.y - 10))
        .squareRoot()
      #expect(abs(distance - 6) < 0.05)
    }
    #expect(Contours.segments([1, 0, 0, 1], rows: 2, columns: 2, level: 0.5).count == 2)
    #expect(Contours.segments([1, .nan, 0, 1], rows: 2, columns: 2, level: 0.5).isEmpty)
  }

  @Test func `boxes, violins and histograms are those of the sample`() throws {
    let values = (0...100).map(Double.init) + [1000, .nan]
    let box = try #require(Panel.Box(values, at: 1))
    #expect(box.median == 50.5 && box.lower == 25.25 && box.upper == 75.75)
    #expect(box.low == 0 && box.high == 100)
    #expect(Panel.Box([.nan], at: 0) == nil)
    #expect(Panel.violin([2, 2], at: 0, width: 1, .init(0, 0, 0)) == nil)
    let (marks, _, _) = Panel.histogram(values, .init(0, 0, 0))
    guard case .bars(_, _, let top, _, _) = try #require(marks.first) else {
      Issue.record("no bars")
      return
    }
    #expect(top.reduce(0, +) == 102)
  }

  @Test func `symmetric logarithms hold both signs`() {
    let scale = Scale(.symmetricLog(0.01), -100...100)
    #expect(abs(scale.place(0) - 0.5) < 1e-12 && scale.place(100) == 1)
    #expect(abs(scale.place(1) + scale.place(-1) - 1) < 1e-12)
    let labels = scale.ticks(7).map(\.label)
    #expect(labels.contains("0") && labels.contains("100") && labels.contains("−100"))
  }

  @Test func `quantiles are those of the sorted values`() {
    var random = Philox(seed: 9, stream: 9)
    for count in [1, 2, 7, 1000] {
      let values = (0..<count).map { _ in (random.uniform() * 20).rounded() }
      for share in [0, 0.3, 0.5, 0.995, 1] {
        #expect(quantile(values, share) == values.sorted()[Int(Double(count - 1) * share)])
      }
    }
    #expect(quantile([], 0.5) == nil)
  }

  @Test func `a contact sheet holds every picture`() throws {
    var sheet = try ContactSheet(
      count: 5, width: 90, height: 60, dpi: 72, background: Theme.light.background)
    #expect(sheet.columns == 3)
    for shade in 1...5 {
      let value = Double(shade) / 10
      sheet.add(
        try Canvas(
          width: 90, height: 60, .image(dpi: sheet.frameResolution(72)),
          background: Color(value, value, value)))
    }
    let path = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString + ".png"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try sheet.write(to: path, texts: [])
    let page = try PNGFile.read(path)
    #expect(page.width == 180 && page.height == 80)
    let middles = [(30, 20), (90, 20), (150, 20), (30, 60), (90, 60), (150, 60)].map { x, y in
      Int(page.bytes[3 * (y * page.width + x)])
    }
    #expect(
      zip(middles, [26, 51, 77, 102, 128, 255]).allSatisfy { abs($0 - $1) <= 1 }, "\(middles)")
  }

  @Test(arguments: [
    ("loss", "loss"), ("שלום", "םולש"), ("u: שלום עולם!", "u: םלוע םולש!"),
    ("שכבה 12 מתוך 48", "ךותמ 12 הבכש 48"), ("a ב c ד", "a ב c ד"), ("", ""),
  ])
  func `words that run to the left are drawn so`(text: String, drawn: String) {
    #expect(VisualOrder.of(text) == drawn)
    #expect(VisualOrder.isUnjoined("مرحبا") && !VisualOrder.isUnjoined(text))
  }

  @Test func `long numbers are counted from an offset that the axis names`() throws {
    let scale = Scale(fitting: [1_000_000.1, 1_000_000.9])
    #expect(scale.offset == 1_000_000 && scale.title("step") == "step + 1000000")
    #expect(scale.ticks(5).allSatisfy { $0.label.count <= 4 }, "\(scale.ticks(5))")
    let below = Scale(.linear, -5000.3 ... -5000.1)
    #expect(below.offset == -5001 && below.title("") == "− 5001")
    for domain in [0...1.0, 1e6...2e6, 2000...2010.0, -1...1e9] {
      #expect(Scale(.linear, domain).offset == 0)
    }
    let canvas = try CorrelationFigure.make(
      [Curve("a", [1e6 + 1, 1e6 + 2], [0, 1])], samples: 3, title: "x", theme: .light
    ).draw(.light, dpi: 40)
    #expect(
      canvas.texts.contains { $0.text.contains("1000001") }
        || canvas.texts.contains { $0.text.hasSuffix("+ 1000000") })
  }

  private static let hostile: [(name: String, wave: @Sendable (Int, Double) -> [Double])] = [
    ("NaN", { count, _ in [Double](repeating: .nan, count: count) }),
    ("equal", { count, _ in [Double](repeating: 3, count: count) }),
    ("zero", { count, _ in [Double](repeating: 0, count: count) }),
    (
      "infinite",
      { count, _ in (0..<count).map { $0 % 3 == 0 ? .infinity : $0 % 3 == 1 ? -.infinity : 1 } }
    ),
    ("denormal", { count, _ in (0..<count).map { Double($0) * .leastNonzeroMagnitude } }),
    ("huge", { count, _ in (0..<count).map { Double($0 % 2 == 0 ? 1 : -1) * 1e300 * Double($0) } }),
    ("one number", { count, _ in (0..<count).map { $0 == count / 2 ? 1 : .nan } }),
  ]

  @Test(arguments: hostile.indices)
  func `figures of hostile values are drawn, their texts apart`(index: Int) throws {
    let (name, wave) = Self.hostile[index]
    for (figure, content) in Catalogue.figures(.light, wave) {
      let canvas = try content.fitted(.light).draw(.light, dpi: 60)
      let page = Rectangle(x: 0, y: 0, width: canvas.width, height: canvas.height)
      #expect(canvas.pixels().bytes.contains { $0 < 128 }, "\(figure) of \(name) is empty")
      for (i, a) in canvas.texts.enumerated() {
        #expect(page.contains(a.box), "\(figure) of \(name): «\(a.text)» at \(a.box)")
        for b in canvas.texts[(i + 1)...] {
          #expect(
            !a.box.overlaps(b.box, slack: 0.5),
            "\(figure) of \(name): «\(a.text)» and «\(b.text)» overlap")
        }
      }
    }
  }

  @Test func `200 layers of 64 heads, and titles of 200 characters, stay within the page`() throws {
    let title = String(repeating: "A very long name ", count: 12)
    let maps = (0..<200).map { layer in
      (0..<64).map { head in (0..<16).map { Double($0 + layer + head) } }
    }
    let figure = AttentionFigure.make(
      maps, layers: Array(0..<200), keys: 4, title: title, what: title, theme: .light)
    // 12,800 panels are on no page that could be printed.
    #expect {
      try figure.fitted(.light).draw(.light, dpi: 40)
    } throws: { String(describing: $0).contains("is too small for 12800 panels") }
    let long = try CorrelationFigure.make(
      [Curve(title, [1, 2], [0, 1])], samples: 3, title: title, theme: .dark
    ).fitted(.dark).draw(.dark, dpi: 40)
    let small = Rectangle(x: 0, y: 0, width: long.width, height: long.height)
    for item in long.texts { #expect(small.contains(item.box), "«\(item.text)» at \(item.box)") }
  }

  @Test func `characters that the font lacks are told once`() throws {
    let figure = CorrelationFigure.make(
      [Curve("α β ∂u שלום", [1, 2], [0, 1])], samples: 3, title: "図表 図 ∇² مرحبا", theme: .light)
    let canvas = try figure.draw(.light, dpi: 40)
    // The caption may break anywhere between words.
    let told = canvas.texts.map(\.text).joined(separator: " ")
    #expect(told.components(separatedBy: "not in the font").count == 2, "\(told)")
    #expect(told.contains("2 characters") && told.contains("U+56F3"), "\(told)")
    #expect(told.contains("Arabic letters are not joined"), "\(told)")
  }
}
