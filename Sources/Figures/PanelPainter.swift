/// Draws a panel, after saying how much room its labels need.
struct PanelPainter {
  let panel: Panel
  let theme: Theme
  /// Size of tick labels; titles are a little larger.
  let fontSize: Double

  private var tickLength: Double { 3 }
  private var titleSize: Double { fontSize * 1.1 }

  private func xTicks(_ width: Double) -> [(value: Double, label: String)] {
    panel.x.ticks ?? panel.x.scale.ticks(max(2, Int(width / (fontSize * 5.5))))
  }

  private func yTicks(_ height: Double) -> [(value: Double, label: String)] {
    panel.y.ticks ?? panel.y.scale.ticks(max(2, Int(height / (fontSize * 3))))
  }

  /// Room for titles and tick labels around an inner area of about this size.
  func insets(_ canvas: Canvas, width: Double, height: Double) -> Insets {
    var insets = Insets()
    let xLabels = xTicks(width)
    let yLabels = yTicks(height)
    if !panel.title.isEmpty { insets.top = titleSize * 1.7 }
    if !yLabels.isEmpty {
      let widest = yLabels.map { canvas.width($0.label, size: fontSize) }.max() ?? 0
      insets.left = widest + tickLength + 4
    }
    if !panel.y.title.isEmpty { insets.left += fontSize * 1.6 }
    if !xLabels.isEmpty {
      insets.bottom = tickLength + fontSize * 1.35
      // The last label is centred on its tick and may stick out by half its width.
      insets.right = (xLabels.map { canvas.width($0.label, size: fontSize) }.max() ?? 0) / 2
    }
    if !panel.x.title.isEmpty { insets.bottom += fontSize * 1.6 }
    return insets
  }

  /// Draws into the inner area `box`; labels go around it.
  func draw(on canvas: Canvas, in box: Rectangle) {
    let left = canvas.snap(box.x)
    let top = canvas.snap(box.y)
    let box = Rectangle(
      x: left, y: top, width: canvas.snap(box.maxX) - left, height: canvas.snap(box.maxY) - top)
    if panel.hasGrid { drawGrid(canvas, box) }
    canvas.clipped(to: box) { for mark in panel.marks { draw(mark, canvas, box) } }
    canvas.frame(box, theme.foreground.opacity(panel.hasGrid ? 0.55 : 0.35), width: 0.6)
    drawTicks(canvas, box)
    drawTitles(canvas, box)
    drawLevelWords(canvas, box)
  }

  private func x(_ value: Double, _ box: Rectangle) -> Double {
    box.x + panel.x.scale.place(value) * box.width
  }

  private func y(_ value: Double, _ box: Rectangle) -> Double {
    box.maxY - panel.y.scale.place(value) * box.height
  }

  private func drawGrid(_ canvas: Canvas, _ box: Rectangle) {
    for tick in xTicks(box.width) {
      let place = x(tick.value, box)
      canvas.line([(place, box.y), (place, box.maxY)], theme.grid, width: 0.5)
    }
    for tick in yTicks(box.height) {
      let place = y(tick.value, box)
      canvas.line([(box.x, place), (box.maxX, place)], theme.grid, width: 0.5)
    }
  }

  private func drawTicks(_ canvas: Canvas, _ box: Rectangle) {
    let ink = theme.foreground
    var lastEnd = -Double.infinity
    for tick in xTicks(box.width) {
      let place = x(tick.value, box)
      canvas.line([(place, box.maxY), (place, box.maxY + tickLength)], ink, width: 0.6)
      let half = canvas.width(tick.label, size: fontSize) / 2
      guard place - half > lastEnd + 2 else { continue }
      canvas.text(
        tick.label, x: place, y: box.maxY + tickLength + fontSize * 1.05, size: fontSize, ink,
        anchor: .middle)
      lastEnd = place + half
    }
    for tick in yTicks(box.height) {
      let place = y(tick.value, box)
      canvas.line([(box.x - tickLength, place), (box.x, place)], ink, width: 0.6)
      canvas.text(
        tick.label, x: box.x - tickLength - 2, y: place + fontSize * 0.36, size: fontSize, ink,
        anchor: .end)
    }
  }

  private func drawTitles(_ canvas: Canvas, _ box: Rectangle) {
    if !panel.title.isEmpty {
      canvas.text(
        panel.title, x: box.midX, y: box.y - titleSize * 0.55, size: titleSize, theme.foreground,
        anchor: .middle)
    }
    if !panel.x.title.isEmpty {
      let ticks = xTicks(box.width).isEmpty ? 0 : tickLength + fontSize * 1.35
      canvas.text(
        panel.x.title, x: box.midX, y: box.maxY + ticks + fontSize * 1.2, size: fontSize,
        theme.foreground, anchor: .middle)
    }
    if !panel.y.title.isEmpty {
      let widest = yTicks(box.height).map { canvas.width($0.label, size: fontSize) }.max()
      let ticks = widest.map { $0 + tickLength + 4 } ?? 0
      canvas.text(
        panel.y.title, x: box.x - ticks - fontSize * 0.55, y: box.midY, size: fontSize,
        theme.foreground, anchor: .middle, upright: false)
    }
  }

  private func draw(_ mark: Panel.Mark, _ canvas: Canvas, _ box: Rectangle) {
    switch mark {
    case .line(let xs, let ys, let style):
      let points = zip(xs, ys).map { (x: x($0, box), y: y($1, box)) }
      canvas.line(points, style.color, width: style.width, dash: style.dash)
    case .band(let xs, let lower, let upper, let color):
      let below = zip(xs, lower).map { (x: x($0, box), y: y($1, box)) }
      let above = zip(xs, upper).map { (x: x($0, box), y: y($1, box)) }
      canvas.fill((below + above.reversed()).filter { $0.y.isFinite }, color)
    case .points(let xs, let ys, let color, let radius, let hollow):
      for (a, b) in zip(xs, ys) {
        canvas.disc(
          x(a, box), y(b, box), radius: radius, color, hollow: hollow ? theme.background : nil)
      }
    case .level(let value, let color, _):
      let place = y(value, box)
      canvas.line([(box.x, place), (box.maxX, place)], color, width: 0.9, dash: [4, 2.5])
    case .cells(let values, let rows, let columns, let map, let domain):
      let span = domain.upperBound - domain.lowerBound
      let colors = values.map { value -> UInt32 in
        let color =
          value.isFinite
          ? map.color(span > 0 ? (value - domain.lowerBound) / span : 0.5) : theme.missing
        func byte(_ c: Double) -> UInt32 { UInt32((c * 255).rounded()) }
        return byte(color.red) << 16 | byte(color.green) << 8 | byte(color.blue)
      }
      canvas.image(colors, rows: rows, columns: columns, in: box)
    }
  }

  private func drawLevelWords(_ canvas: Canvas, _ box: Rectangle) {
    for case .level(let value, let color, let words) in panel.marks where !words.isEmpty {
      let size = fontSize * 0.9
      let place = y(value, box)
      guard place > box.y, place < box.maxY else { continue }
      let above = place - size * 1.2 > box.y
      let atEnd = clearance(of: value, nearEnd: true) >= clearance(of: value, nearEnd: false)
      canvas.text(
        words, x: atEnd ? box.maxX - 3 : box.x + 3, y: above ? place - 2.5 : place + size,
        size: size, color, anchor: atEnd ? .end : .start)
    }
  }

  /// Smallest distance of the panel's lines from a level over one half of the panel, in panel heights.
  private func clearance(of level: Double, nearEnd: Bool) -> Double {
    var smallest = Double.infinity
    for case .line(let xs, let ys, _) in panel.marks {
      for (x, y) in zip(xs, ys) where (panel.x.scale.place(x) > 0.5) == nearEnd && y.isFinite {
        smallest = min(smallest, abs(panel.y.scale.place(y) - panel.y.scale.place(level)))
      }
    }
    return smallest
  }
}
