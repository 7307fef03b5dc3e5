/// `catalog`: a metric of many runs against a key of their configuration.
public enum CatalogFigure {
  /// One value of the key, of the runs that agree in all other keys.
  public struct Point: Sendable {
    /// Value of the key as it stands in the configuration.
    public var key: String
    /// Mean over seeds and its interval.
    public var mean: Double, lower: Double, upper: Double
    /// Each seed.
    public var seeds: [Double]

    /// A point.
    public init(key: String, mean: Double, lower: Double, upper: Double, seeds: [Double]) {
      (self.key, self.mean, self.lower, self.upper) = (key, mean, lower, upper)
      self.seeds = seeds
    }
  }

  /// Draws a line a group of runs that agree in all other keys; `words` are those of a value of the key, `bounds` what the metric can
  /// only be.
  public static func make(
    _ groups: [(name: String, points: [Point])], key: String, metric: String,
    words: (String) -> String = { $0 }, seeds: Int,
    bounds: ClosedRange<Double> = -.infinity ... .infinity,
    title: String, theme: Theme
  ) -> Figure {
    var keys: [String] = []
    for point in groups.flatMap(\.points) where !keys.contains(point.key) { keys.append(point.key) }
    let numbers = keys.compactMap(Double.init)
    let isNumeric =
      numbers.count == keys.count && !keys.isEmpty && numbers.allSatisfy(\.isFinite)
    let isWide =
      isNumeric && (numbers.min() ?? 0) > 0
      && (numbers.max() ?? 1) / (numbers.min() ?? 1) >= 20
    func x(_ key: String) -> Double {
      isNumeric ? Double(key) ?? .nan : Double(keys.firstIndex(of: key) ?? 0)
    }
    let marks = groups.enumerated().flatMap { index, group -> [Panel.Mark] in
      let color = theme.color(index)
      let points = isNumeric ? group.points.sorted { x($0.key) < x($1.key) } : group.points
      // Groups stand beside each other at a word; at a number they stand where it is.
      let shift = isNumeric ? 0 : 0.12 * (Double(index) - Double(groups.count - 1) / 2)
      let places = points.map { x($0.key) + shift }
      let each = points.flatMap { point in point.seeds.map { (x(point.key) + shift, $0) } }
      var marks: [Panel.Mark] = [
        .errors(
          places, points.map { max($0.lower, bounds.lowerBound) },
          points.map { min($0.upper, bounds.upperBound) }, color),
        .points(places, points.map(\.mean), color, radius: 3, hollow: false),
        .points(each.map(\.0), each.map(\.1), color.opacity(0.6), radius: 1.6, hollow: true),
      ]
      if isNumeric { marks.append(.line(places, points.map(\.mean), .init(color, width: 1.2))) }
      return marks
    }
    let values = groups.flatMap {
      $0.points.flatMap {
        [$0.mean, max($0.lower, bounds.lowerBound), min($0.upper, bounds.upperBound)] + $0.seeds
      }
    }
    let axis =
      isNumeric
      ? Panel.Axis(Scale(fitting: numbers, isWide ? .log : .linear), title: key)
      : Panel.Axis.categories(keys.map(words), title: key)
    return Figure(
      title: title,
      caption: "Dots: means over \(seeds) seeds, bars: 95 % by Student's t, rings: each seed.",
      width: 460, height: 320,
      legend: groups.count > 1
        ? groups.enumerated().map { .init($1.name, .init(theme.color($0))) } : [],
      sections: [
        .init([[Panel(title: metric, x: axis, y: .init(Scale(fitting: values)), marks: marks)]])
      ])
  }
}
