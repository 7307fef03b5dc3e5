/// A whole figure: a title, a legend, rows of panels, colour bars, a caption.
public struct Figure: Sendable {
  /// A row of panels of equal height, or several rows of a facet grid that share a colour bar.
  public struct Section: Sendable {
    /// Panels `[row][column]`.
    public var rows: [[Panel]]
    /// A bar on the right that explains colours.
    public var colorBar: ColorBar?
    /// Share of the figure's height.
    public var weight: Double

    /// A section.
    public init(_ rows: [[Panel]], colorBar: ColorBar? = nil, weight: Double = 1) {
      (self.rows, self.colorBar, self.weight) = (rows, colorBar, weight)
    }
  }

  /// Explains the colours of cells or of lines.
  public struct ColorBar: Sendable {
    /// Colours, values at the ends, title with unit.
    public var map: ColorMap, domain: ClosedRange<Double>, title: String

    /// A colour bar.
    public init(_ map: ColorMap, _ domain: ClosedRange<Double>, title: String) {
      (self.map, self.domain, self.title) = (map, domain, title)
    }
  }

  /// One entry of the legend.
  public struct Key: Sendable {
    /// Words.
    public var label: String
    /// Line to show.
    public var style: Panel.LineStyle

    /// An entry.
    public init(_ label: String, _ style: Panel.LineStyle) {
      (self.label, self.style) = (label, style)
    }
  }

  /// Over everything.
  public var title: String
  /// Sentences under everything: what is shown, how it was obtained.
  public var caption: String
  /// Width and height in points.
  public var width: Double, height: Double
  /// Entries of the legend, above the panels and so clear of all data.
  public var legend: [Key]
  /// Sections from top to bottom.
  public var sections: [Section]
  /// Size of tick labels in points.
  public var fontSize: Double

  /// A figure.
  public init(
    title: String, caption: String = "", width: Double, height: Double, legend: [Key] = [],
    sections: [Section], fontSize: Double = 8
  ) {
    (self.title, self.caption, self.width, self.height) = (title, caption, width, height)
    (self.legend, self.sections, self.fontSize) = (legend, sections, fontSize)
  }

  /// Draws the figure as an image.
  public func draw(_ theme: Theme, dpi: Double) throws -> Canvas {
    try draw(theme, .image(dpi: dpi))
  }

  /// Draws the figure.
  public func draw(_ theme: Theme, _ target: Canvas.Target) throws -> Canvas {
    let canvas = try Canvas(
      width: width, height: height, target, background: theme.background)
    var figure = self
    figure.caption = ([caption] + notes(canvas)).filter { !$0.isEmpty }.joined(separator: " ")
    FigurePainter(figure: figure, theme: theme, canvas: canvas).draw()
    return canvas
  }

  /// Everything that is written but the numbers.
  private var words: String {
    var words = [title, caption] + legend.map(\.label)
    for section in sections {
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
  private func notes(_ canvas: Canvas) -> [String] {
    var (points, cells, hasMissing) = (0, (rows: 0, columns: 0), false)
    let limit = Cells.limit(Rectangle(x: 0, y: 0, width: width, height: height), canvas)
    for panel in sections.flatMap({ $0.rows.flatMap { $0 } }) {
      for mark in panel.marks {
        switch mark {
        case .line(let xs, _, _): points = max(points, xs.count)
        case .cells(let values, let rows, let columns, _, _):
          if rows > limit.rows || columns > limit.columns { cells = (rows, columns) }
          hasMissing = hasMissing || values.contains { !$0.isFinite }
        default: break
        }
      }
    }
    var notes: [String] = []
    if points > 4 * Int(width * max(canvas.scale, 2)) {
      notes.append("Lines of \(points) points: lowest and highest of each pixel column.")
    }
    if cells.rows > 0 {
      notes.append("\(cells.rows) x \(cells.columns) cells, averaged to what pixels can show.")
    }
    if hasMissing { notes.append("Grey cells hold no number.") }
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
