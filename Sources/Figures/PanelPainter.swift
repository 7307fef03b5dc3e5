/// Draws a panel, after saying how much room its labels need.
struct PanelPainter {
  let panel: Panel
  let theme: Theme
  /// Size of tick labels; titles are a little larger.
  let fontSize: Double

  init(panel: Panel, theme: Theme, fontSize: Double) {
    var panel = panel
    if panel.x.ticks == nil { panel.x.title = panel.x.scale.title(panel.x.title) }
    if panel.y.ticks == nil { panel.y.title = panel.y.scale.title(panel.y.title) }
    (self.panel, self.theme, self.fontSize) = (panel, theme, fontSize)
  }

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

  func x(_ value: Double, _ box: Rectangle) -> Double {
    box.x + panel.x.scale.place(value) * box.width
  }

  func y(_ value: Double, _ box: Rectangle) -> Double {
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
    drawMinorTicks(canvas, box)
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
    var labels: [Double] = []
    for tick in yTicks(box.height) {
      let place = y(tick.value, box)
      canvas.line([(box.x - tickLength, place), (box.x, place)], ink, width: 0.6)
      guard labels.allSatisfy({ abs($0 - place) > fontSize * 1.1 }) else { continue }
      labels.append(place)
      canvas.text(
        tick.label, x: box.x - tickLength - 2, y: place + fontSize * 0.36, size: fontSize, ink,
        anchor: .end)
    }
  }

  /// Ticks without labels, half as long; none where an axis has its own ticks.
  private func drawMinorTicks(_ canvas: Canvas, _ box: Rectangle) {
    let (ink, length) = (theme.foreground.opacity(0.7), tickLength * 0.55)
    if panel.x.ticks == nil {
      for value in panel.x.scale.minorTicks(max(2, Int(box.width / (fontSize * 5.5)))) {
        let place = x(value, box)
        canvas.line([(place, box.maxY), (place, box.maxY + length)], ink, width: 0.45)
      }
    }
    if panel.y.ticks == nil {
      for value in panel.y.scale.minorTicks(max(2, Int(box.height / (fontSize * 3)))) {
        let place = y(value, box)
        canvas.line([(box.x - length, place), (box.x, place)], ink, width: 0.45)
      }
    }
  }

  private func drawTitles(_ canvas: Canvas, _ box: Rectangle) {
    if !panel.title.isEmpty {
      // Panels stand side by side: a title may reach a little beyond its own.
      let title = canvas.fitted(panel.title, size: titleSize, room: box.width + fontSize)
      canvas.text(
        title.text, x: box.midX, y: box.y - titleSize * 0.55, size: title.size, theme.foreground,
        anchor: .middle)
    }
    if !panel.x.title.isEmpty {
      let ticks = xTicks(box.width).isEmpty ? 0 : tickLength + fontSize * 1.35
      let title = canvas.fitted(panel.x.title, size: fontSize, room: box.width + fontSize)
      canvas.text(
        title.text, x: box.midX, y: box.maxY + ticks + fontSize * 1.2, size: title.size,
        theme.foreground, anchor: .middle)
    }
    if !panel.y.title.isEmpty {
      let widest = yTicks(box.height).map { canvas.width($0.label, size: fontSize) }.max()
      let ticks = widest.map { $0 + tickLength + 4 } ?? 0
      let title = canvas.fitted(panel.y.title, size: fontSize, room: box.height + fontSize * 0.4)
      canvas.text(
        title.text, x: box.x - ticks - fontSize * 0.55, y: box.midY, size: title.size,
        theme.foreground, anchor: .middle, upright: false)
    }
  }

  /// Puts each level's word above or below it, at the left or right, where the panel's lines are farthest.
  private func drawLevelWords(_ canvas: Canvas, _ box: Rectangle) {
    for case .level(let value, let color, let words) in panel.marks where !words.isEmpty {
      let size = fontSize * 0.9
      let place = y(value, box)
      guard place > box.y, place < box.maxY else { continue }
      let share = canvas.width(words, size: size) / max(box.width, 1)
      var best = (clearance: -1.0, isAbove: true, isAtEnd: true)
      for isAbove in [true, false] {
        let baseline = isAbove ? place - 2.5 : place + size
        guard baseline - size * 0.8 > box.y, baseline + size * 0.2 < box.maxY else { continue }
        let middle = panel.y.scale.place(value) + (place - (baseline - size * 0.3)) / box.height
        for isAtEnd in [true, false] {
          let span = isAtEnd ? 1 - share...1.0 : 0.0...share
          let found = clearance(of: middle, over: span)
          if found > best.clearance { best = (found, isAbove, isAtEnd) }
        }
      }
      canvas.text(
        words, x: best.isAtEnd ? box.maxX - 3 : box.x + 3,
        y: best.isAbove ? place - 2.5 : place + size, size: size, color,
        anchor: best.isAtEnd ? .end : .start)
    }
  }

  /// Smallest distance of the panel's lines from a height over a part of the width, both in shares of the panel.
  private func clearance(of height: Double, over span: ClosedRange<Double>) -> Double {
    var smallest = Double.infinity
    for case .line(let xs, let ys, _) in panel.marks {
      let points = zip(xs, ys).map { (panel.x.scale.place($0), panel.y.scale.place($1)) }
      for (a, b) in zip(points, points.dropFirst()) where a.1.isFinite && b.1.isFinite {
        // The piece of the line within the span, by its ends.
        guard b.0 >= span.lowerBound, a.0 <= span.upperBound else { continue }
        for end in [max(a.0, span.lowerBound), min(b.0, span.upperBound)] {
          let share = b.0 > a.0 ? (end - a.0) / (b.0 - a.0) : 0
          smallest = min(smallest, abs(a.1 + share * (b.1 - a.1) - height))
        }
        if (a.1 - height) * (b.1 - height) < 0, a.0 >= span.lowerBound, b.0 <= span.upperBound {
          smallest = 0
        }
      }
    }
    return smallest
  }
}
