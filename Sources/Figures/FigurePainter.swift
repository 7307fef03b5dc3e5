/// Lays a figure out and draws it.
struct FigurePainter {
  let figure: Figure
  let theme: Theme
  let canvas: Canvas

  private var size: Double { figure.fontSize }
  private var margin: Double { 10 }

  func draw() {
    var top = margin + size * 1.5
    let title = canvas.fitted(
      figure.title, size: size * 1.5, room: figure.width - 2 * margin)
    canvas.text(title.text, x: margin, y: top, size: title.size, theme.foreground)
    top += size * 0.9
    top = drawLegend(top)
    let bottom = drawCaption()
    let total = figure.sections.reduce(0) { $0 + $1.weight }
    // The title of a section's panels needs air below the section before.
    let gap = size * 1.1
    let height = bottom - top - gap * Double(figure.sections.count - 1)
    for section in figure.sections {
      let share = height * section.weight / max(total, 1e-9)
      draw(
        section,
        in: Rectangle(x: margin, y: top, width: figure.width - 2 * margin, height: share))
      top += share + gap
    }
  }

  private func drawLegend(_ top: Double) -> Double {
    guard !figure.legend.isEmpty else { return top }
    var (x, y) = (margin, top + size * 1.2)
    for key in figure.legend {
      let label = canvas.fitted(key.label, size: size, room: figure.width - 2 * margin - 26)
      let width = 26 + canvas.width(label.text, size: label.size)
      if x + width > figure.width - margin && x > margin {
        x = margin
        y += size * 1.6
      }
      canvas.line(
        [(x, y - size * 0.33), (x + 20, y - size * 0.33)], key.style.color,
        width: max(key.style.width, 1.6), dash: key.style.dash)
      canvas.text(label.text, x: x + 24, y: y, size: label.size, theme.foreground)
      x += width + 12
    }
    return y + size * 0.6
  }

  /// Draws the caption at the foot, wrapped to the width; returns where the panels must end.
  private func drawCaption() -> Double {
    guard !figure.caption.isEmpty else { return figure.height - margin }
    let small = size * 0.95
    var lines: [String] = []
    var line = ""
    for word in figure.caption.split(separator: " ") {
      let longer = line.isEmpty ? String(word) : line + " " + word
      if canvas.width(longer, size: small) > figure.width - 2 * margin, !line.isEmpty {
        lines.append(line)
        line = String(word)
      } else {
        line = longer
      }
    }
    lines.append(line)
    let first = figure.height - margin - Double(lines.count - 1) * small * 1.35
    for (index, text) in lines.enumerated() {
      canvas.text(
        text, x: margin, y: first + Double(index) * small * 1.35, size: small, theme.muted)
    }
    return first - small * 1.6
  }

  private func draw(_ section: Figure.Section, in box: Rectangle) {
    var area = box
    if let bar = section.colorBar {
      let room = colorBarWidth(bar, height: box.height)
      area.width -= room
      draw(
        bar,
        in: Rectangle(
          x: area.maxX + 10, y: box.y, width: room - 10, height: box.height), section)
    }
    layout(section, in: area) { panel, inner in
      PanelPainter(panel: panel, theme: theme, fontSize: size).draw(on: canvas, in: inner)
    }
  }

  /// Finds the inner area of every panel: columns share their left and right insets, rows their top and bottom ones,
  /// so that facets line up.
  private func layout(
    _ section: Figure.Section, in area: Rectangle, _ place: (Panel, Rectangle) -> Void
  ) {
    let rows = section.rows.count
    let columns = section.rows.map(\.count).max() ?? 0
    guard rows > 0, columns > 0 else { return }
    let (gapX, gapY) = (size * 0.9, size * 0.9)
    let cellWidth = (area.width - gapX * Double(columns - 1)) / Double(columns)
    let cellHeight = (area.height - gapY * Double(rows - 1)) / Double(rows)
    var (tops, bottoms) = ([Double](repeating: 0, count: rows), [Double](repeating: 0, count: rows))
    var lefts = [Double](repeating: 0, count: columns)
    var rights = [Double](repeating: 0, count: columns)
    for (row, panels) in section.rows.enumerated() {
      for (column, panel) in panels.enumerated() {
        let insets = PanelPainter(panel: panel, theme: theme, fontSize: size).insets(
          canvas, width: cellWidth * 0.8, height: cellHeight * 0.75)
        tops[row] = max(tops[row], insets.top)
        bottoms[row] = max(bottoms[row], insets.bottom)
        lefts[column] = max(lefts[column], insets.left)
        rights[column] = max(rights[column], insets.right)
      }
    }
    let innerWidth =
      (area.width - lefts.reduce(0, +) - rights.reduce(0, +) - gapX * Double(columns - 1))
      / Double(columns)
    let innerHeight =
      (area.height - tops.reduce(0, +) - bottoms.reduce(0, +) - gapY * Double(rows - 1))
      / Double(rows)
    var y = area.y
    for (row, panels) in section.rows.enumerated() {
      y += tops[row]
      var x = area.x
      for (column, panel) in panels.enumerated() {
        x += lefts[column]
        place(panel, fit(panel, x: x, y: y, width: innerWidth, height: innerHeight))
        x += innerWidth + rights[column] + gapX
      }
      y += innerHeight + bottoms[row] + gapY
    }
  }

  /// The inner area with the panel's aspect, centred in the space there is.
  private func fit(
    _ panel: Panel, x: Double, y: Double, width: Double, height: Double
  ) -> Rectangle {
    guard let aspect = panel.aspect else {
      return Rectangle(x: x, y: y, width: max(width, 1), height: max(height, 1))
    }
    let fitWidth = max(min(width, height * aspect), 1)
    let fitHeight = fitWidth / aspect
    return Rectangle(
      x: x + (width - fitWidth) / 2, y: y + (height - fitHeight) / 2, width: fitWidth,
      height: fitHeight)
  }

  private func colorBarTicks(_ bar: Figure.ColorBar, _ height: Double) -> [(
    value: Double, label: String
  )] {
    Scale(.linear, bar.domain).ticks(max(2, Int(height / (size * 4))))
  }

  private func colorBarWidth(_ bar: Figure.ColorBar, height: Double) -> Double {
    let labels = colorBarTicks(bar, height).map { canvas.width($0.label, size: size) }
    return 10 + 9 + 6 + (labels.max() ?? 0) + size * 1.8
  }

  /// Draws the bar as high as the panels of its section.
  private func draw(_ bar: Figure.ColorBar, in box: Rectangle, _ section: Figure.Section) {
    var (top, bottom) = (Double.infinity, -Double.infinity)
    let area = Rectangle(
      x: margin, y: box.y, width: box.x - 10 - margin, height: box.height)
    layout(section, in: area) { _, inner in
      top = min(top, inner.y)
      bottom = max(bottom, inner.maxY)
    }
    let inner = Rectangle(
      x: canvas.snap(box.x), y: canvas.snap(top), width: 9, height: max(bottom - top, 1))
    let steps = 256
    let colors = (0..<steps).map { step -> UInt32 in
      let color = bar.map.color(1 - Double(step) / Double(steps - 1))
      func byte(_ c: Double) -> UInt32 { UInt32((c * 255).rounded()) }
      return byte(color.red) << 16 | byte(color.green) << 8 | byte(color.blue)
    }
    canvas.image(colors, rows: steps, columns: 1, in: inner)
    canvas.frame(inner, theme.foreground.opacity(0.35), width: 0.6)
    let scale = Scale(.linear, bar.domain)
    var widest = 0.0
    for tick in colorBarTicks(bar, inner.height) {
      let y = inner.maxY - scale.place(tick.value) * inner.height
      canvas.line([(inner.maxX, y), (inner.maxX + 3, y)], theme.foreground, width: 0.6)
      canvas.text(
        tick.label, x: inner.maxX + 5, y: y + size * 0.36, size: size, theme.foreground)
      widest = max(widest, canvas.width(tick.label, size: size))
    }
    let room = inner.maxX + 6 + widest
    // A letter or two can be read as they stand; turned, u would be an n.
    let words = Scale(.linear, bar.domain).title(bar.title)
    if words.count <= 2 {
      canvas.text(
        words, x: room + size * 0.35, y: inner.midY + size * 0.36, size: size, theme.foreground)
    } else {
      let title = canvas.fitted(words, size: size, room: inner.height + size)
      canvas.text(
        title.text, x: room + size * 1.15, y: inner.midY, size: title.size, theme.foreground,
        anchor: .middle, upright: false)
    }
  }
}
