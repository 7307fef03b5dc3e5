/// `convergence`: observed orders of steppers beside the theoretical ones.
public enum ConvergenceFigure {
  /// Draws one row for each of `names`.
  public static func make(
    _ names: [String], expected: [Double], found: [Double], tolerance: [Double], title: String,
    theme: Theme
  ) -> Figure {
    let count = names.count
    let places = names.indices.map { Double(count - 1 - $0) }
    let wide = zip(expected, tolerance).map { ($0 - $1, $0 + $1) }
    var marks: [Panel.Mark] = []
    for (place, limits) in zip(places, wide) {
      marks.append(
        .polygon(
          [limits.0, limits.1, limits.1, limits.0],
          [place - 0.32, place - 0.32, place + 0.32, place + 0.32], theme.null.opacity(0.28)))
    }
    let inside = names.indices.filter { abs(found[$0] - expected[$0]) <= tolerance[$0] }
    let outside = names.indices.filter { !inside.contains($0) }
    for (group, color) in [(inside, theme.color(0)), (outside, theme.color(1))] {
      marks.append(
        .points(group.map { found[$0] }, group.map { places[$0] }, color, radius: 3, hollow: false))
    }
    let panel = Panel(
      x: .init(
        Scale(fitting: found + wide.flatMap { [$0.0, $0.1] }, including: [0.5]),
        title: "order of convergence"),
      y: .init(
        Scale(.linear, -0.7...Double(max(count, 1)) - 0.3),
        ticks: names.indices.map { (places[$0], names[$0]) }), marks: marks)
    return Figure(
      title: title,
      caption:
        "Points: slope of ln error over ln step at five steps; bars: the theoretical order ± its tolerance. "
        + "\(inside.count) of \(count) within.", width: 460, height: 90 + 15 * Double(count),
      sections: [.init([[panel]])])
  }
}
