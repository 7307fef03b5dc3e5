extension FigurePainter {
  private func colorBarTicks(_ bar: Figure.ColorBar, _ height: Double) -> [(
    value: Double, label: String
  )] {
    let scale = Scale(.linear, bar.domain)
    return (bar.isWhole ? scale.whole() : scale).ticks(max(2, Int(height / (size * 4))))
  }

  func colorBarWidth(_ bar: Figure.ColorBar, height: Double) -> Double {
    let labels = colorBarTicks(bar, height).map { canvas.width($0.label, size: size) }
    return 10 + 9 + 6 + (labels.max() ?? 0) + size * 1.8
  }

  /// Draws the bar as high as the panels of its section.
  func draw(_ bar: Figure.ColorBar, in box: Rectangle, _ section: Figure.Section) {
    var (top, bottom) = (Double.infinity, -Double.infinity)
    let area = Rectangle(
      x: margin, y: box.y, width: box.x - 10 - margin, height: box.height)
    for place in layout(section, in: area) {
      top = min(top, place.inner.y)
      bottom = max(bottom, place.inner.maxY)
    }
    // Beside small panels it is higher than they are, so that its ends can be told apart.
    let short = max(0, min(6 * size, box.height) - (bottom - top)) / 2
    (top, bottom) = (top - short, bottom + short)
    let inner = Rectangle(
      x: canvas.snap(box.x), y: canvas.snap(top), width: 9, height: max(bottom - top, 1))
    canvas.panels.append(inner)
    if inner.height < 2.5 * size { canvas.faults.append("no room for the colour bar") }
    let steps = 256
    let colors = (0..<steps).map { step -> UInt32 in
      bar.map.color(1 - Double(step) / Double(steps - 1)).packed
    }
    canvas.image(colors, rows: steps, columns: 1, in: inner)
    canvas.frame(inner, theme.foreground.opacity(0.35), width: 0.6)
    let scale = Scale(.linear, bar.domain)
    var widest = 0.0
    for tick in colorBarTicks(bar, inner.height) {
      let y = inner.maxY - min(max(scale.place(tick.value), 0), 1) * inner.height
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
