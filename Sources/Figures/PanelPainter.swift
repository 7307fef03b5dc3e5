/// Draws a panel, after saying how much room its labels need.
struct PanelPainter {
  let panel: Panel
  let theme: Theme
  /// Size of tick labels; titles are a little larger.
  let fontSize: Double
  /// How titles are set where they do not fit otherwise.
  let style: TitleStyle

  /// How titles are set.
  struct TitleStyle: Equatable {
    /// Lines of the title over the panel, of the horizontal axis's and of the vertical one's.
    var lines = 1, acrossLines = 1, upLines = 1
    /// Whether the vertical axis has its title beside it, as it is read, instead of turned.
    var isBeside = false
  }

  init(panel: Panel, theme: Theme, fontSize: Double, style: TitleStyle = .init()) {
    self.style = style
    var panel = panel
    if panel.x.ticks == nil { panel.x.title = panel.x.scale.title(panel.x.title) }
    if panel.y.ticks == nil { panel.y.title = panel.y.scale.title(panel.y.title) }
    (self.panel, self.theme, self.fontSize) = (panel, theme, fontSize)
  }

  private var tickLength: Double { 3 }
  var titleSize: Double { fontSize * 1.1 }

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
    if !panel.title.isEmpty {
      insets.top = titleSize * (1.7 + 1.15 * Double(style.lines - 1))
    }
    if !yLabels.isEmpty {
      let widest = yLabels.map { canvas.width($0.label, size: fontSize) }.max() ?? 0
      insets.left = widest + tickLength + 4
    }
    if !panel.y.title.isEmpty {
      insets.left +=
        style.isBeside
        ? canvas.width(panel.y.title, size: fontSize) + 4
        : fontSize * (1.6 + 1.15 * Double(style.upLines - 1))
    }
    if !xLabels.isEmpty {
      insets.bottom = tickLength + fontSize * 1.35
      // Labels are centred on their ticks: those near an end stick out there.
      for tick in xLabels {
        let half = canvas.width(tick.label, size: fontSize) / 2
        let place = min(max(panel.x.scale.place(tick.value), 0), 1)
        guard place.isFinite else { continue }
        insets.right = max(insets.right, half - (1 - place) * width)
        insets.left = max(insets.left, half - place * width)
      }
    }
    if !panel.x.title.isEmpty {
      insets.bottom += fontSize * (1.6 + 1.15 * Double(style.acrossLines - 1))
    }
    return insets
  }

  /// Draws into the inner area `box`; labels go around it. A draft leaves out the marks.
  func draw(on canvas: Canvas, in box: Rectangle, isDraft: Bool = false) {
    let left = canvas.snap(box.x)
    let top = canvas.snap(box.y)
    let box = Rectangle(
      x: left, y: top, width: canvas.snap(box.maxX) - left, height: canvas.snap(box.maxY) - top)
    if panel.hasGrid { drawGrid(canvas, box) }
    canvas.panels.append(box)
    if !isDraft {
      for mark in panel.marks {
        canvas.clipped(to: reach(of: mark, box)) { draw(mark, canvas, box) }
      }
      canvas.clipped(to: box) {
        for mark in panel.marks { drawBeyond(mark, canvas, box) }
      }
    }
    canvas.frame(box, theme.foreground.opacity(panel.hasGrid ? 0.55 : 0.35), width: 0.6)
    drawTicks(canvas, box)
    drawTitles(canvas, box)
    drawLevelWords(canvas, box)
    if !panel.hasInk { drawNothing(canvas, box) }
  }

  /// Where a mark may leave ink: points on the frame are seen whole.
  private func reach(of mark: Panel.Mark, _ box: Rectangle) -> Rectangle {
    guard case .points(_, _, _, let radius, _) = mark else { return box }
    let room = radius * 1.3 + 0.5
    return Rectangle(
      x: box.x - room, y: box.y - room, width: box.width + 2 * room,
      height: box.height + 2 * room)
  }

  func x(_ value: Double, _ box: Rectangle) -> Double {
    box.x + Self.near(panel.x.scale.place(value)) * box.width
  }

  func y(_ value: Double, _ box: Rectangle) -> Double {
    box.maxY - Self.near(panel.y.scale.place(value)) * box.height
  }

  /// Far places brought to where the canvas can count: lines to them leave the panel as steeply as can be seen.
  private static func near(_ place: Double) -> Double {
    place.isNaN ? place : min(max(place, -1000), 1000)
  }

  /// Says that a panel is empty because there is no number to show.
  private func drawNothing(_ canvas: Canvas, _ box: Rectangle) {
    let words = canvas.fitted("no number", size: fontSize, room: box.width - 4)
    canvas.text(
      words.text, x: box.midX, y: box.y + box.height * 0.3 + fontSize * 0.3, size: words.size,
      theme.muted, anchor: .middle, isInside: true)
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
    let (across, down) = (xTicks(box.width), yTicks(box.height))
    var dropped: [String] = []
    for tick in across {
      let place = x(tick.value, box)
      canvas.line([(place, box.maxY), (place, box.maxY + tickLength)], ink, width: 0.6)
      let half = canvas.width(tick.label, size: fontSize) / 2
      guard place - half > lastEnd + 2 else {
        dropped.append(tick.label)
        continue
      }
      canvas.text(
        tick.label, x: place, y: box.maxY + tickLength + fontSize * 1.05, size: fontSize, ink,
        anchor: .middle)
      lastEnd = place + half
    }
    check(dropped, of: across, canvas)
    dropped = []
    var labels: [Double] = []
    for tick in down {
      let place = y(tick.value, box)
      canvas.line([(box.x - tickLength, place), (box.x, place)], ink, width: 0.6)
      guard labels.allSatisfy({ abs($0 - place) > fontSize * 1.1 }) else {
        dropped.append(tick.label)
        continue
      }
      labels.append(place)
      canvas.text(
        tick.label, x: box.x - tickLength - 2, y: place + fontSize * 0.36, size: fontSize, ink,
        anchor: .end)
    }
    check(dropped, of: down, canvas)
  }

  /// Labels without room are left out; a name, or all numbers but one, may not be.
  private func check(
    _ dropped: [String], of ticks: [(value: Double, label: String)], _ canvas: Canvas
  ) {
    guard let first = dropped.first else { return }
    let isName = dropped.contains {
      !$0.isEmpty && !($0.first?.isNumber ?? false) && $0.first != "−"
    }
    if isName || ticks.count - dropped.count < 2 {
      canvas.faults.append("no room for the label «\(first)»")
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
      let lines = style.lines > 1 ? canvas.lines(panel.title, size: titleSize) : [panel.title]
      for (index, line) in lines.enumerated() {
        let title = canvas.fitted(line, size: titleSize, room: box.width + fontSize)
        let above = 0.55 + 1.15 * Double(lines.count - 1 - index)
        canvas.text(
          title.text, x: box.midX, y: box.y - titleSize * above, size: title.size,
          theme.foreground, anchor: .middle)
      }
    }
    if !panel.x.title.isEmpty {
      let ticks = xTicks(box.width).isEmpty ? 0 : tickLength + fontSize * 1.35
      for (index, line) in axisLines(panel.x.title, style.acrossLines, canvas).enumerated() {
        let title = canvas.fitted(line, size: fontSize, room: box.width + fontSize)
        canvas.text(
          title.text, x: box.midX,
          y: box.maxY + ticks + fontSize * (1.2 + 1.15 * Double(index)), size: title.size,
          theme.foreground, anchor: .middle)
      }
    }
    if !panel.y.title.isEmpty, style.isBeside {
      canvas.text(
        panel.y.title, x: box.x - 4, y: box.midY + fontSize * 0.36, size: fontSize,
        theme.foreground, anchor: .end)
    } else if !panel.y.title.isEmpty {
      let widest = yTicks(box.height).map { canvas.width($0.label, size: fontSize) }.max()
      let ticks = widest.map { $0 + tickLength + 4 } ?? 0
      for (index, line) in axisLines(panel.y.title, style.upLines, canvas).reversed().enumerated() {
        let title = canvas.fitted(line, size: fontSize, room: box.height + fontSize * 0.4)
        canvas.text(
          title.text, x: box.x - ticks - fontSize * (0.55 + 1.15 * Double(index)), y: box.midY,
          size: title.size, theme.foreground, anchor: .middle, upright: false)
      }
    }
  }

  private func axisLines(_ title: String, _ lines: Int, _ canvas: Canvas) -> [String] {
    lines > 1 ? canvas.lines(title, size: fontSize) : [title]
  }
}
