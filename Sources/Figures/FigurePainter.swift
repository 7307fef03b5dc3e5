/// Lays a figure out and draws it.
struct FigurePainter {
  let figure: Figure
  let theme: Theme
  let canvas: Canvas
  /// Whether the marks are left out: only the layout is wanted.
  var isDraft = false
  /// Height that a panel should have for its width; what is less is a fault of the layout.
  var wantedHeight = 0.0

  var size: Double { figure.fontSize }
  var margin: Double { 10 }

  func draw() {
    let sections = figure.sections.map(reflowed)
    let top = drawLegend(figure.legend, below: drawTitle())
    let bottom = drawCaption()
    let total = sections.reduce(0) { $0 + $1.weight }
    // The title of a section's panels needs air below the section before.
    let gap = size * 1.1
    let legends = sections.map { legendHeight($0.legend) }
    let height = bottom - top - gap * Double(sections.count - 1) - legends.reduce(0, +)
    var y = top
    for section in sections {
      let share = height * section.weight / max(total, 1e-9)
      y = drawLegend(section.legend, below: y)
      draw(
        section,
        in: Rectangle(x: margin, y: y, width: figure.width - 2 * margin, height: share))
      y += share + gap
    }
  }

  /// Draws the title, on several lines where one would be too small to read; returns where the rest begins.
  private func drawTitle() -> Double {
    let (large, room) = (size * 1.5, figure.width - 2 * margin)
    let isShort = canvas.width(figure.title, size: large * 0.85) <= room
    let lines =
      isShort ? [figure.title] : canvas.wrapped(figure.title, size: large, room: room, most: 3)
    var y = margin + size * 1.5
    for (index, line) in lines.enumerated() {
      if index > 0 { y += large * 1.2 }
      let title = canvas.fitted(line, size: large, room: room)
      canvas.text(title.text, x: margin, y: y, size: title.size, theme.foreground)
    }
    return y + size * 0.9
  }

  private struct LegendEntry {
    let style: Panel.LineStyle
    let label: (text: String, size: Double)
    let place: (x: Double, row: Int)
  }

  /// Entries of a legend from left to right, on as many lines as they need.
  private func entries(_ keys: [Figure.Key]) -> [LegendEntry] {
    var (x, row, entries) = (margin, 0, [LegendEntry]())
    for key in keys {
      let label = canvas.fitted(key.label, size: size, room: figure.width - 2 * margin - 26)
      let width = 26 + canvas.width(label.text, size: label.size)
      if x + width > figure.width - margin && x > margin { (x, row) = (margin, row + 1) }
      entries.append(LegendEntry(style: key.style, label: label, place: (x, row)))
      x += width + 12
    }
    return entries
  }

  private func legendHeight(_ keys: [Figure.Key]) -> Double {
    guard let last = entries(keys).last else { return 0 }
    return size * (1.8 + 1.6 * Double(last.place.row))
  }

  private func drawLegend(_ keys: [Figure.Key], below top: Double) -> Double {
    for entry in entries(keys) {
      let (x, y) = (entry.place.x, top + size * (1.2 + 1.6 * Double(entry.place.row)))
      let (style, middle) = (entry.style, y - size * 0.33)
      canvas.line(
        [(x, middle), (x + 20, middle)], style.color, width: max(style.width, 1.6),
        dash: style.dash)
      // A null's points are rings in its panel, and here.
      if style.color == theme.null, !style.dash.isEmpty {
        canvas.disc(x + 10, middle, radius: 1.8, style.color, hollow: theme.background)
      }
      canvas.text(
        entry.label.text, x: x + 24, y: y, size: entry.label.size, theme.foreground)
    }
    return top + legendHeight(keys)
  }

  /// Draws the caption at the foot, wrapped to the width; returns where the panels must end.
  private func drawCaption() -> Double {
    guard !figure.caption.isEmpty else { return figure.height - margin }
    let small = size * 0.95
    var lines: [String] = []
    var line = ""
    for word in figure.caption.split(separator: " ").flatMap({ broken($0, small) }) {
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

  /// A word in pieces that each fit on a line.
  private func broken(_ word: Substring, _ size: Double) -> [Substring] {
    let room = figure.width - 2 * margin
    // No line of a page holds more characters than that.
    guard word.count > 20, canvas.width(String(word), size: size) > room else { return [word] }
    var (pieces, piece) = ([Substring](), word[..<word.startIndex])
    for place in word.indices {
      let longer = word[piece.startIndex...place]
      if canvas.width(String(longer), size: size) > room, !piece.isEmpty {
        pieces.append(piece)
        piece = word[place...place]
      } else {
        piece = longer
      }
    }
    return pieces + [piece]
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
    for place in layout(section, in: area) {
      let painter = PanelPainter(
        panel: place.panel, theme: theme, fontSize: size, style: place.style)
      check(place)
      painter.draw(on: canvas, in: place.inner, isDraft: isDraft)
    }
  }
}
