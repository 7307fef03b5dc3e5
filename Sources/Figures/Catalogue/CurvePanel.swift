/// Curves with intervals in one panel, as many figures have them.
public struct Curve: Sendable {
  /// Words of the legend.
  public var name: String
  /// Points, and limits of their interval; empty for none.
  public var x: [Double], y: [Double], lower: [Double], upper: [Double]
  /// Whether it is what there would be if nothing had been learnt.
  public var isNull: Bool

  /// A curve.
  public init(
    _ name: String, _ x: [Double], _ y: [Double], lower: [Double] = [], upper: [Double] = [],
    isNull: Bool = false
  ) {
    (self.name, self.x, self.y, self.lower, self.upper) = (name, x, y, lower, upper)
    self.isNull = isNull
  }

  /// The line of each curve: models in the theme's colours from `first` on, nulls in their own style.
  static func styles(_ isNull: [Bool], first: Int = 0, theme: Theme) -> [Panel.LineStyle] {
    var (models, nulls) = (first, 0)
    return isNull.map { isNull in
      defer { if isNull { nulls += 1 } else { models += 1 } }
      return isNull ? theme.nullLine(nulls) : theme.line(models)
    }
  }

  /// Entries of a legend for curves; a null's say so.
  static func keys(_ curves: [Curve], theme: Theme) -> [Figure.Key] {
    zip(curves, styles(curves.map(\.isNull), theme: theme)).map { curve, style in
      .init(curve.isNull ? "null: \(curve.name)" : curve.name, style)
    }
  }
}

extension Scale {
  /// A scale for likenesses, 1 for the same: by their distance from 1 where some come near it.
  static func likeness(_ values: [Double], including: [Double] = []) -> Scale {
    let finite = values.filter(\.isFinite)
    let isNear = finite.contains { $0 > 0.9 } && !finite.contains { $0 >= 1 }
    return isNear
      ? Scale(fitting: finite, .belowOne, including: including)
      : Scale(fitting: finite, including: including + [1])
  }

  /// A linear scale, or where few values would flatten all others a logarithmic one, symmetric for values of both signs.
  static func spread(_ values: [Double], including: [Double] = []) -> Scale {
    let sizes = values.filter { $0.isFinite && $0 != 0 }.map { abs($0) }
    guard let largest = sizes.max(), let usual = quantile(sizes, 0.5), largest > 30 * usual else {
      return Scale(fitting: values, including: including)
    }
    return values.contains { $0 <= 0 }
      ? Scale(fitting: values, .symmetricLog(usual), including: including + [0])
      : Scale(fitting: values, .log, including: including)
  }
}

extension Panel {
  /// What a curve leaves in a panel: its interval, its line, its points where they are few, as rings for a null.
  static func marks(of curve: Curve, _ style: LineStyle) -> [Mark] {
    var marks: [Mark] = []
    if curve.lower.contains(where: \.isFinite) {
      marks.append(.band(curve.x, curve.lower, curve.upper, style.color.opacity(0.18)))
    }
    marks.append(.line(curve.x, curve.y, style))
    if curve.x.count <= 60 {
      marks.append(
        .points(
          curve.x, curve.y, style.color, radius: curve.isNull ? 1.7 : 2.2, hollow: curve.isNull))
    }
    return marks
  }

  /// A panel of curves, coloured in the theme's order from `first` on, nulls in their style; x that are few whole numbers are
  /// ticked each. `scale` replaces the vertical scale.
  static func curves(
    _ curves: [Curve], title: String, x: String, y: String, kind: Scale.Kind = .linear,
    including: [Double] = [], first: Int = 0, scale: Scale? = nil, theme: Theme
  ) -> Panel {
    let xs = curves.flatMap(\.x)
    let whole = Set(xs.filter { !$0.isNaN })
    let isCounted = whole.count <= 13 && whole.allSatisfy { $0 == $0.rounded() && abs($0) < 1e15 }
    let styles = Curve.styles(curves.map(\.isNull), first: first, theme: theme)
    let values = curves.flatMap { $0.y + $0.lower + $0.upper }
    let pairs = zip(curves, styles)
    return Panel(
      title: title,
      x: .init(
        Scale(fitting: xs), title: x,
        ticks: isCounted ? whole.sorted().map { ($0, String(Int($0))) } : nil),
      y: .init(scale ?? Scale(fitting: values, kind, including: including), title: y),
      // Nulls lie under what they are set beside.
      marks: (pairs.filter { $0.0.isNull } + pairs.filter { !$0.0.isNull }).flatMap {
        marks(of: $0, $1)
      })
  }
}
