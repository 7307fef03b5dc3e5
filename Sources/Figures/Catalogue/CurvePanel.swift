/// Curves with intervals in one panel, as many figures have them.
public struct Curve: Sendable {
  /// Words of the legend.
  public var name: String
  /// Points, and limits of their interval; empty for none.
  public var x: [Double], y: [Double], lower: [Double], upper: [Double]

  /// A curve.
  public init(
    _ name: String, _ x: [Double], _ y: [Double], lower: [Double] = [], upper: [Double] = []
  ) {
    (self.name, self.x, self.y, self.lower, self.upper) = (name, x, y, lower, upper)
  }
}

extension Panel {
  /// A panel of curves, coloured in the theme's order from `first` on; x that are few whole numbers are ticked each.
  static func curves(
    _ curves: [Curve], title: String, x: String, y: String, kind: Scale.Kind = .linear,
    including: [Double] = [], first: Int = 0, theme: Theme
  ) -> Panel {
    let xs = curves.flatMap(\.x)
    let whole = Set(xs.filter { !$0.isNaN })
    let isCounted = whole.count <= 13 && whole.allSatisfy { $0 == $0.rounded() && abs($0) < 1e15 }
    let marks = curves.enumerated().flatMap { index, curve -> [Mark] in
      let color = theme.color(first + index)
      var marks: [Mark] = []
      if !curve.lower.isEmpty {
        marks.append(.band(curve.x, curve.lower, curve.upper, color.opacity(0.2)))
      }
      marks.append(.line(curve.x, curve.y, .init(color)))
      if curve.x.count <= 60 {
        marks.append(.points(curve.x, curve.y, color, radius: 2.2, hollow: false))
      }
      return marks
    }
    let values = curves.flatMap { $0.y + $0.lower + $0.upper }
    return Panel(
      title: title,
      x: .init(
        Scale(fitting: xs), title: x,
        ticks: isCounted ? whole.sorted().map { ($0, String(Int($0))) } : nil),
      y: .init(Scale(fitting: values, kind, including: including), title: y), marks: marks)
  }
}
