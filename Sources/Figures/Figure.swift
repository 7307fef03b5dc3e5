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
    /// What lines of these panels stand for, right above them.
    public var legend: [Key]
    /// Whether the panels are a list that may be wrapped anywhere; else rows mean something, and are broken evenly only.
    let isList: Bool

    /// A section.
    public init(
      _ rows: [[Panel]], colorBar: ColorBar? = nil, weight: Double = 1, legend: [Key] = []
    ) {
      (self.rows, self.colorBar, self.weight, self.legend) = (rows, colorBar, weight, legend)
      isList = rows.count == 1
    }

    /// Panels of one kind, at most `across` beside each other.
    public init(
      list panels: [Panel], across: Int, colorBar: ColorBar? = nil, weight: Double = 1,
      legend: [Key] = []
    ) {
      // Four are two and two, not three and one.
      rows = Self.wrapped(panels, across == 3 && panels.count == 4 ? 2 : across)
      (self.colorBar, self.weight, self.legend) = (colorBar, weight, legend)
      isList = true
    }

    static func wrapped(_ panels: [Panel], _ across: Int) -> [[Panel]] {
      stride(from: 0, to: panels.count, by: max(across, 1)).map {
        Array(panels[$0..<min($0 + max(across, 1), panels.count)])
      }
    }
  }

  /// Explains the colours of cells or of lines.
  public struct ColorBar: Sendable {
    /// Colours, values at the ends, title with unit.
    public var map: ColorMap, domain: ClosedRange<Double>, title: String
    /// Whether the values are whole numbers.
    public var isWhole: Bool

    /// A colour bar.
    public init(
      _ map: ColorMap, _ domain: ClosedRange<Double>, title: String, isWhole: Bool = false
    ) {
      (self.map, self.domain, self.title, self.isWhole) = (map, domain, title, isWhole)
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
}
