/// `terms`: how large each term of an equation is over depth or time.
public enum TermsFigure {
  /// One equation's terms.
  public struct Equation: Sendable {
    /// Its name.
    public var name: String
    /// A curve a term.
    public var terms: [Curve]

    /// An equation.
    public init(name: String, terms: [Curve]) { (self.name, self.terms) = (name, terms) }
  }

  /// Draws sizes, and shares of their sum, a row an equation; `x` names the axis.
  public static func make(
    _ equations: [Equation], x: String, caption: String, title: String, theme: Theme
  ) -> Figure {
    let rows = equations.map { equation -> [Panel] in
      let sizes = Panel.curves(
        equation.terms, title: "Size, \(equation.name)", x: x, y: "root mean square", kind: .log,
        theme: theme)
      var below = equation.terms.first.map { $0.x.map { _ in 0.0 } } ?? []
      // In units of the largest term where their sum is more than a number can be, or less than full precision.
      let units = below.indices.map { place -> Double in
        let sum = equation.terms.reduce(0) { $0 + $1.y[place] }
        let largest = equation.terms.map { $0.y[place] }.filter(\.isFinite).max() ?? 0
        return Scale.plainSizes.contains(sum) || largest <= 0 ? 1 : largest
      }
      let totals = below.indices.map { place in
        max(equation.terms.reduce(0) { $0 + $1.y[place] / units[place] }, .leastNormalMagnitude)
      }
      let points = equation.terms.first?.x ?? []
      var marks: [Panel.Mark] = []
      for (index, term) in equation.terms.enumerated() {
        let above = below.indices.map { below[$0] + term.y[$0] / units[$0] / totals[$0] }
        marks.append(.band(points, below, above, theme.color(index).opacity(0.75)))
        below = above
      }
      var shares = sizes
      shares.title = "Share, \(equation.name)"
      shares.y = .init(Scale(.linear, 0...1), title: "share of the sum")
      shares.marks = marks
      return [sizes, shares]
    }
    return Figure(
      title: title, caption: caption, width: 500, height: 110 + 170 * Double(max(rows.count, 1)),
      legend: (equations.first?.terms ?? []).enumerated().map {
        .init($1.name, .init(theme.color($0), width: 3))
      }, sections: [.init(rows)])
  }
}
