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
    var top = margin + size * 1.5
    let title = canvas.fitted(
      figure.title, size: size * 1.5, room: figure.width - 2 * margin)
    canvas.text(title.text, x: margin, y: top, size: title.size, theme.foreground)
    top += size * 0.9
    top = drawLegend(top)
    let bottom = drawCaption()
    let total = sections.reduce(0) { $0 + $1.weight }
    // The title of a section's panels needs air below the section before.
    let gap = size * 1.1
    let height = bottom - top - gap * Double(sections.count - 1)
    for section in sections {
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
