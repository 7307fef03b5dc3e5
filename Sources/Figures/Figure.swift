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
