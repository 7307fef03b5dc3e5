import Foundation

extension PanelPainter {
  func draw(_ mark: Panel.Mark, _ canvas: Canvas, _ box: Rectangle) {
    switch mark {
    case .line(let xs, let ys, let style):
      canvas.line(
        thinned(xs, ys, canvas, box), style.color, width: style.width, dash: style.dash)
    case .band(let xs, let lower, let upper, let color):
      draw(band: xs, lower, upper, color, canvas, box)
    case .points(let xs, let ys, let color, let radius, let hollow):
      let (across, up) = (box.x - 0.5...box.maxX + 0.5, box.y - 0.5...box.maxY + 0.5)
      for (a, b) in zip(xs, ys) {
        let place = (x: x(a, box), y: y(b, box))
        guard across.contains(place.x), up.contains(place.y) else { continue }
        canvas.disc(
          place.x, place.y, radius: radius, color, hollow: hollow ? theme.background : nil)
      }
    case .level(let value, let color, _):
      let place = y(value, box)
      canvas.line(
        [(box.x, place), (box.maxX, place)], color, width: 0.9, dash: dash(color))
    case .vertical(let value, let color, let words):
      let place = x(value, box)
      canvas.line(
        [(place, box.y), (place, box.maxY)], color, width: 0.9, dash: dash(color))
      let atEnd = place > box.midX
      canvas.text(
        words, x: place + (atEnd ? -3 : 3), y: box.y + fontSize * 1.1, size: fontSize * 0.9, color,
        anchor: atEnd ? .end : .start, isInside: true)
    case .bars(let xs, let base, let top, let width, let color):
      for i in xs.indices where xs[i].isFinite && !base[i].isNaN && !top[i].isNaN {
        let (left, right) = (x(xs[i] - width / 2, box), x(xs[i] + width / 2, box))
        let (a, b) = (y(base[i], box), y(top[i], box))
        canvas.fill(
          Rectangle(x: left, y: min(a, b), width: max(right - left, 0.5), height: abs(a - b)), color
        )
      }
    case .errors(let xs, let lower, let upper, let color):
      for i in 0..<min(xs.count, lower.count, upper.count)
      where !xs[i].isNaN && !lower[i].isNaN && !upper[i].isNaN {
        let (place, low, high) = (x(xs[i], box), y(lower[i], box), y(upper[i], box))
        canvas.line([(place, low), (place, high)], color, width: 1)
        for end in [low, high] {
          canvas.line([(place - 2.5, end), (place + 2.5, end)], color, width: 1)
        }
      }
    case .boxes(let boxes, let width, let color): draw(boxes, width, color, canvas, box)
    case .polygon(let xs, let ys, let color):
      canvas.fill(zip(xs, ys).map { (x: x($0, box), y: y($1, box)) }, color)
    case .arrows(let xs, let ys, let dx, let dy, let color):
      for i in xs.indices {
        arrow(
          from: (x(xs[i], box), y(ys[i], box)), to: (x(xs[i] + dx[i], box), y(ys[i] + dy[i], box)),
          color, canvas)
      }
    case .contours(let values, let rows, let columns, let levels, let color):
      for level in levels {
        for segment in Contours.segments(values, rows: rows, columns: columns, level: level) {
          canvas.line(
            segment.map { (x: x($0.x, box), y: y(Double(rows) - $0.y, box)) }, color, width: 0.8)
        }
      }
    case .words(let a, let b, let words, let color):
      canvas.text(
        words, x: x(a, box), y: y(b, box), size: fontSize * 0.9, color, isInside: true)
    case .picture(let pixels, let rows, let columns):
      canvas.image(pixels, rows: rows, columns: columns, in: box)
    case .cells(let values, let rows, let columns, let map, let domain):
      let (kept, down, across) = Cells.averaged(
        values, rows: rows, columns: columns, limit: Cells.limit(box, canvas))
      canvas.image(
        Cells.colors(kept, map, domain, theme.missing), rows: down, columns: across, in: box)
    }
  }

  /// Only what says where chance lies is dashed.
  private func dash(_ color: Color) -> [Double] { color == theme.null ? [4, 2.5] : [] }

  /// Fills between two lines, piece by piece: a NaN in either is a gap, and a piece of one point an upright line.
  private func draw(
    band xs: [Double], _ lower: [Double], _ upper: [Double], _ color: Color, _ canvas: Canvas,
    _ box: Rectangle
  ) {
    var (below, above): ([(x: Double, y: Double)], [(x: Double, y: Double)]) = ([], [])
    func close() {
      if below.count == 1 {
        canvas.line([below[0], above[0]], color, width: 1.4)
      } else {
        canvas.fill(below + above.reversed(), color)
      }
      (below, above) = ([], [])
    }
    for i in 0..<min(xs.count, lower.count, upper.count) {
      let (place, low, high) = (x(xs[i], box), y(lower[i], box), y(upper[i], box))
      if place.isNaN || low.isNaN || high.isNaN {
        close()
      } else {
        below.append((place, low))
        above.append((place, high))
      }
    }
    close()
  }

  /// The points of a line; where there are many more than pixels, the lowest and highest of each pixel column, which draw the same
  /// strokes. Only for ascending x: the line of a phase plane keeps all its points.
  private func thinned(
    _ xs: [Double], _ ys: [Double], _ canvas: Canvas, _ box: Rectangle
  ) -> [(x: Double, y: Double)] {
    let columns = Int(box.width * max(canvas.scale, 2))
    guard xs.count > 4 * columns, zip(xs, xs.dropFirst()).allSatisfy({ $0 <= $1 }) else {
      return zip(xs, ys).map { (x: x($0, box), y: y($1, box)) }
    }
    var out: [(x: Double, y: Double)] = []
    out.reserveCapacity(4 * columns)
    var i = 0
    while i < xs.count {
      let first = x(xs[i], box)
      let column = ((first - box.x) / box.width * Double(columns)).rounded(.down)
      var (low, high, hasGap, j) = (Double.infinity, -Double.infinity, false, i)
      while j < xs.count,
        ((x(xs[j], box) - box.x) / box.width * Double(columns)).rounded(.down) == column
      {
        let value = ys[j]
        if value.isFinite {
          low = min(low, value)
          high = max(high, value)
        } else {
          hasGap = true
        }
        j += 1
      }
      if low <= high {
        out.append((first, y(low, box)))
        if high > low { out.append((first, y(high, box))) }
      }
      if hasGap { out.append((first, .nan)) }
      i = max(j, i + 1)
    }
    return out
  }

  private func draw(
    _ boxes: [Panel.Box], _ width: Double, _ color: Color, _ canvas: Canvas, _ area: Rectangle
  ) {
    for box in boxes {
      let (left, right) = (x(box.x - width / 2, area), x(box.x + width / 2, area))
      let (top, bottom) = (y(box.upper, area), y(box.lower, area))
      let middle = x(box.x, area)
      canvas.line([(middle, y(box.low, area)), (middle, bottom)], color, width: 0.9)
      canvas.line([(middle, top), (middle, y(box.high, area))], color, width: 0.9)
      let frame = Rectangle(x: left, y: top, width: right - left, height: max(bottom - top, 0.5))
      canvas.fill(frame, color.opacity(0.25))
      canvas.frame(frame, color, width: 0.9)
      canvas.line([(left, y(box.median, area)), (right, y(box.median, area))], color, width: 1.6)
    }
  }

  private func arrow(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), _ color: Color,
    _ canvas: Canvas
  ) {
    canvas.line([start, end], color, width: 0.8)
    let (dx, dy) = (end.x - start.x, end.y - start.y)
    let length = (dx * dx + dy * dy).squareRoot()
    guard length > 0.5, length.isFinite else { return }
    let head = min(4, length * 0.4) / length
    canvas.fill(
      [
        end, (end.x - head * (dx + 0.5 * dy), end.y - head * (dy - 0.5 * dx)),
        (end.x - head * (dx - 0.5 * dy), end.y - head * (dy + 0.5 * dx)),
      ], color)
  }
}
