/// One pair of axes with what is drawn between them.
public struct Panel: Sendable {
  /// Something drawn in data coordinates.
  public enum Mark: Sendable {
    /// A line through points; a NaN breaks it.
    case line([Double], [Double], LineStyle)
    /// The area between two lines, for intervals.
    case band([Double], [Double], [Double], Color)
    /// Discs; hollow ones are rings.
    case points([Double], [Double], Color, radius: Double, hollow: Bool)
    /// A level across the panel, with a word on it.
    case level(Double, Color, String)
    /// Cells `[row][column]`, row 0 at the top; NaN in the theme's colour for missing values.
    case cells([Double], rows: Int, columns: Int, ColorMap, ClosedRange<Double>)
  }

  /// How a line looks, and its entry in the legend.
  public struct LineStyle: Sendable {
    /// Colour, width in points, dashes, words for the legend.
    public var color: Color, width: Double, dash: [Double], label: String?

    /// A style.
    public init(_ color: Color, width: Double = 1.4, dash: [Double] = [], label: String? = nil) {
      (self.color, self.width, self.dash, self.label) = (color, width, dash, label)
    }
  }

  /// An axis: its scale, title, and whether ticks are labelled.
  public struct Axis: Sendable {
    /// Scale.
    public var scale: Scale
    /// Title with unit; empty for none.
    public var title: String
    /// Own ticks instead of the scale's; an empty list for none.
    public var ticks: [(value: Double, label: String)]?

    /// An axis.
    public init(
      _ scale: Scale, title: String = "", ticks: [(value: Double, label: String)]? = nil
    ) {
      (self.scale, self.title, self.ticks) = (scale, title, ticks)
    }
  }

  /// Over the panel.
  public var title: String
  /// Horizontal and vertical axis.
  public var x: Axis, y: Axis
  /// What is drawn, in order.
  public var marks: [Mark]
  /// Width over height of the inner area; nil to fill the space.
  public var aspect: Double?
  /// Whether grid lines are drawn.
  public var hasGrid: Bool

  /// A panel.
  public init(
    title: String = "", x: Axis, y: Axis, marks: [Mark], aspect: Double? = nil, hasGrid: Bool = true
  ) {
    (self.title, self.x, self.y, self.marks) = (title, x, y, marks)
    (self.aspect, self.hasGrid) = (aspect, hasGrid)
  }

  /// A panel of cells with one tick a cell border, or none.
  public static func cells(
    _ values: [Double], rows: Int, columns: Int, _ map: ColorMap, _ domain: ClosedRange<Double>,
    title: String = "", x: String = "", y: String = "", showsTicks: Bool = false
  ) -> Panel {
    func axis(_ count: Int, _ title: String, downwards: Bool) -> Axis {
      let scale = Scale(.linear, 0...Double(max(count, 1)))
      guard showsTicks else { return Axis(scale, title: title, ticks: []) }
      let step = max(1, (count + 5) / 6)
      let ticks = stride(from: 0, to: count, by: step).map { cell in
        let middle = Double(cell) + 0.5
        return (value: downwards ? Double(count) - middle : middle, label: String(cell))
      }
      return Axis(scale, title: title, ticks: ticks)
    }
    return Panel(
      title: title, x: axis(columns, x, downwards: false), y: axis(rows, y, downwards: true),
      marks: [.cells(values, rows: rows, columns: columns, map, domain)],
      aspect: Double(columns) / Double(max(rows, 1)), hasGrid: false)
  }
}
