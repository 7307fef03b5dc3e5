extension Figure {
  /// Everything that is written but the numbers.
  private var words: String {
    var words = [title, caption] + legend.map(\.label)
    for section in sections {
      words += section.legend.map(\.label)
      if let bar = section.colorBar { words.append(bar.title) }
      for panel in section.rows.flatMap({ $0 }) {
        words += [panel.title, panel.x.title, panel.y.title]
        words += (panel.x.ticks ?? []).map(\.label)
        words += (panel.y.ticks ?? []).map(\.label)
      }
    }
    return words.joined(separator: " ")
  }

  /// What the drawing leaves out, in sentences for the caption.
  func notes(_ canvas: Canvas) -> [String] {
    var (points, cells, hasMissing) = (0, (rows: 0, columns: 0), false)
    var (beyond, unplaced) = (0, 0)
    var colors = (count: 0, low: Double.infinity, high: -Double.infinity)
    let limit = Cells.limit(Rectangle(x: 0, y: 0, width: width, height: height), canvas)
    for panel in sections.flatMap({ $0.rows.flatMap { $0 } }) {
      // The dots and the line of a curve are the same points.
      var (lines, dots) = ((beyond: 0, unplaced: 0), (beyond: 0, unplaced: 0))
      for mark in panel.marks {
        switch mark {
        case .line(let xs, let ys, _):
          points = max(points, xs.count)
          let found = panel.strays(xs, ys)
          lines = (lines.beyond + found.beyond, lines.unplaced + found.unplaced)
        case .points(let xs, let ys, _, _, _):
          let found = panel.strays(xs, ys)
          dots = (dots.beyond + found.beyond, dots.unplaced + found.unplaced)
        case .cells(let values, let rows, let columns, _, let domain):
          if rows > limit.rows || columns > limit.columns { cells = (rows, columns) }
          let found = Cells.strays(values, domain)
          hasMissing = hasMissing || found.isMissing
          colors.count += found.count
          colors.low = min(colors.low, found.low)
          colors.high = max(colors.high, found.high)
        default: break
        }
      }
      beyond += max(lines.beyond, dots.beyond)
      unplaced += max(lines.unplaced, dots.unplaced)
    }
    var notes: [String] = []
    if points > 4 * Int(width * max(canvas.scale, 2)) {
      notes.append("Lines of \(points) points: lowest and highest of each pixel column.")
    }
    if cells.rows > 0 {
      notes.append("\(cells.rows) x \(cells.columns) cells, averaged to what pixels can show.")
    }
    if hasMissing { notes.append("Grey cells hold no number.") }
    if beyond > 0 {
      notes.append(
        "\(beyond) point\(beyond == 1 ? " is" : "s are") beyond an axis (infinite, or not positive on a logarithmic one): triangles "
          + "at its edge.")
    }
    if unplaced > 0 {
      notes.append(
        "\(unplaced) point\(unplaced == 1 ? " has" : "s have") no number along the horizontal axis and \(unplaced == 1 ? "is" : "are") not drawn."
      )
    }
    if colors.count > 0 {
      notes.append(
        "\(colors.count) value\(colors.count == 1 ? "" : "s"), \(FieldFigure.short(colors.low)) to \(FieldFigure.short(colors.high)), "
          + "\(colors.count == 1 ? "is" : "are") beyond the colours and \(colors.count == 1 ? "has" : "have") that of the nearer end."
      )
    }
    let words = words
    if VisualOrder.isUnjoined(words) { notes.append("Arabic letters are not joined.") }
    let missing = Font.bundled?.missing(in: words) ?? []
    if !missing.isEmpty {
      // By their numbers: the font cannot show them here either.
      let names = missing.prefix(3).map { "U+" + String($0.value, radix: 16, uppercase: true) }
      notes.append(
        "\(missing.count) characters are not in the font (\(names.joined(separator: ", "))) and are boxes."
      )
    }
    return notes
  }
}

extension Panel {
  /// How many points lie beyond an axis, and how many have a value but no place along the horizontal axis.
  fileprivate func strays(_ xs: [Double], _ ys: [Double]) -> (beyond: Int, unplaced: Int) {
    var (beyond, unplaced) = (0, 0)
    let (across, up) = (x.scale.domain, y.scale.domain)
    for (x, y) in zip(xs, ys) {
      if x >= across.lowerBound, x <= across.upperBound, y >= up.lowerBound, y <= up.upperBound {
        continue
      }
      if self.beyond(x, y) != nil { beyond += 1 }
      if x.isNaN, !y.isNaN { unplaced += 1 }
    }
    return (beyond, unplaced)
  }
}

extension Cells {
  /// Whether values are missing, and how many lie far beyond the colours: infinite ones, and those a thousand times as far from the
  /// ends as these are apart. What is nearer is cut on purpose, and the figure says where.
  fileprivate static func strays(
    _ values: [Double], _ domain: ClosedRange<Double>
  ) -> (isMissing: Bool, count: Int, low: Double, high: Double) {
    var (isMissing, low, high) = (false, Double.infinity, -Double.infinity)
    for value in values {
      if value.isNaN {
        isMissing = true
      } else {
        low = min(low, value)
        high = max(high, value)
      }
    }
    let far = 1000 * (domain.upperBound - domain.lowerBound)
    let (bottom, top) = (domain.lowerBound - far, domain.upperBound + far)
    func isBeyond(_ value: Double) -> Bool { value.isInfinite || value < bottom || value > top }
    guard low <= high, isBeyond(low) || isBeyond(high) else {
      return (isMissing, 0, .infinity, -.infinity)
    }
    let found = values.filter { !$0.isNaN && isBeyond($0) }
    return (isMissing, found.count, found.min() ?? low, found.max() ?? high)
  }
}
