import Foundation

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
    /// A line down the panel, with a word on it.
    case vertical(Double, Color, String)
    /// Upright bars at `x` from `base` to `top`, `width` in units of x.
    case bars([Double], base: [Double], top: [Double], width: Double, Color)
    /// Intervals at `x` with caps.
    case errors([Double], [Double], [Double], Color)
    /// Boxes of quartiles with whiskers.
    case boxes([Box], width: Double, Color)
    /// A filled polygon.
    case polygon([Double], [Double], Color)
    /// Arrows from (x, y) by (dx, dy), in data units.
    case arrows([Double], [Double], [Double], [Double], Color)
    /// Lines of equal value through cells `[row][column]`, row 0 at the top, whose middles are at whole numbers and a half.
    case contours([Double], rows: Int, columns: Int, levels: [Double], Color)
    /// A word at a place.
    case words(Double, Double, String, Color)
    /// Pixels `[row][column]` of a picture, 0xRRGGBB, row 0 at the top.
    case picture([UInt32], rows: Int, columns: Int)
    /// Cells `[row][column]`, row 0 at the top; NaN in the theme's colour for missing values.
    case cells([Double], rows: Int, columns: Int, ColorMap, ClosedRange<Double>)
  }

  /// Five numbers of a sample.
  public struct Box: Sendable {
    /// Where it stands, ends of the whiskers, quartiles, median.
    public var x: Double, low: Double, lower: Double, median: Double, upper: Double, high: Double

    /// Quartiles of finite values; whiskers to the farthest ones within 1.5 interquartile ranges (Tukey 1977). Nil for none.
    public init?(_ values: [Double], at x: Double) {
      let sorted = values.filter(\.isFinite).sorted()
      guard !sorted.isEmpty else { return nil }
      func part(_ share: Double) -> Double {
        let place = share * Double(sorted.count - 1)
        let low = Int(place)
        let high = min(low + 1, sorted.count - 1)
        let (step, part) = (sorted[high] - sorted[low], place - Double(low))
        return step.isFinite
          ? sorted[low] + part * step : (1 - part) * sorted[low] + part * sorted[high]
      }
      (self.x, lower, median, upper) = (x, part(0.25), part(0.5), part(0.75))
      let reach = 1.5 * (upper - lower)
      let (bottom, top) = (lower - reach, upper + reach)
      low = sorted.first { $0 >= bottom } ?? lower
      high = sorted.last { $0 <= top } ?? upper
    }
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
      let step = max(1, count / 6 + (count % 6 > 0 ? 1 : 0))
      let ticks = stride(from: 0, to: count, by: step).map { cell in
        let middle = Double(cell) + 0.5
        return (value: downwards ? Double(count) - middle : middle, label: String(cell))
      }
      return Axis(scale, title: title, ticks: ticks)
    }
    return Panel(
      title: title, x: axis(columns, x, downwards: false), y: axis(rows, y, downwards: true),
      marks: [.cells(values, rows: rows, columns: columns, map, domain)],
      // A strip of one cell in height would be a line.
      aspect: min(max(Double(columns) / Double(max(rows, 1)), 0.125), 8), hasGrid: false)
  }

  /// Bars that count `values` in equal bins, as many as Freedman and Diaconis (1981) advise, 5 to 100.
  public static func histogram(_ values: [Double], _ color: Color) -> (
    marks: [Mark], x: Scale, y: Scale
  ) {
    let finite = values.filter(\.isFinite)
    let scale = Scale(fitting: finite)
    guard let box = Box(finite, at: 0) else { return ([], scale, Scale(fitting: [])) }
    let (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
    // Where the range is more than a number can be, or has no full precision, in units of it.
    let isPlain = Scale.plainSizes.contains(high - low)
    let range = Scale(.linear, Scale.range([low, high]))
    let spread = isPlain ? box.upper - box.lower : range.place(box.upper) - range.place(box.lower)
    let whole = isPlain ? high - low : high > low ? 1.0 : 0
    let advised = 2 * spread / pow(Double(finite.count), 1.0 / 3)
    let bins = advised > 0 ? Int(min(100, max(5, (whole / advised).rounded(.up)))) : 5
    let width =
      isPlain
      ? (high - low) / Double(bins)
      : max(high / Double(bins) - low / Double(bins), .leastNonzeroMagnitude)
    var counts = [Double](repeating: 0, count: bins)
    for value in finite {
      let bin = isPlain ? (value - low) / width : range.place(value) * Double(bins)
      counts[min(bins - 1, max(0, Int(bin)))] += 1
    }
    let middles = (0..<bins).map { bin in
      let half = (Double(bin) + 0.5) * (width / 2)
      return isPlain ? low + (Double(bin) + 0.5) * width : (low + half + half).clamped
    }
    return (
      [.bars(middles, base: counts.map { _ in 0 }, top: counts, width: width, color)], scale,
      Scale(fitting: counts, including: [0]).whole()
    )
  }

  /// The outline of a sample's density around `x`: a normal kernel by Silverman's rule (1986, eq. 3.31), as wide as `width` at its
  /// highest. Nil when the values do not differ.
  public static func violin(_ values: [Double], at x: Double, width: Double, _ color: Color)
    -> Mark?
  {
    let finite = values.filter(\.isFinite)
    guard let box = Box(finite, at: x), let low = finite.min(), let high = finite.max(), high > low
    else { return nil }
    let n = Double(finite.count)
    let mean = finite.reduce(0, +) / n
    let deviation = (finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n).squareRoot()
    let range = (box.upper - box.lower) / 1.34
    let spread = range > 0 ? min(deviation, range) : deviation
    let band = 0.9 * spread * pow(n, -0.2)
    let heights = (0...64).map { low + (high - low) * Double($0) / 64 }
    let density = heights.map { h in
      finite.reduce(0) { $0 + exp(-0.5 * (h - $1) * (h - $1) / (band * band)) }
    }
    let scale = width / 2 / max(density.max() ?? 1, 1e-300)
    return .polygon(
      density.map { x - $0 * scale } + density.reversed().map { x + $0 * scale },
      heights + heights.reversed(), color)
  }
}

extension Panel.Axis {
  /// An axis of names at 0, 1, 2 ….
  public static func categories(_ names: [String], title: String = "") -> Panel.Axis {
    Panel.Axis(
      Scale(.linear, -0.6...Double(max(names.count, 1)) - 0.4), title: title,
      ticks: names.enumerated().map { (value: Double($0), label: $1) })
  }
}
