/// `flow`: heat maps of the residual stream over depth, network and PDE side by side, and how the states follow one
/// another.
public enum FlowFigure {
  /// One trajectory: the network's or a PDE model's.
  public struct Trajectory: Sendable {
    /// Its name.
    public var name: String
    /// Mean norm at each position, `[depth][position]`.
    public var norms: [[Double]]
    /// Correlation of the states before and after each layer, with interval.
    public var correlation: [Double], correlationLower: [Double], correlationUpper: [Double]
    /// Relative squared error against the network at each depth, with interval.
    public var error: [Double], errorLower: [Double], errorUpper: [Double]
    /// CKA of every pair of depths, row by row.
    public var alignment: [Double]
    /// Whether it is what there would be if nothing had been learnt.
    public var isNull: Bool

    /// A trajectory.
    public init(
      name: String, norms: [[Double]], correlation: [Double], correlationLower: [Double],
      correlationUpper: [Double], error: [Double], errorLower: [Double], errorUpper: [Double],
      alignment: [Double], isNull: Bool = false
    ) {
      (self.name, self.norms, self.correlation) = (name, norms, correlation)
      (self.correlationLower, self.correlationUpper) = (correlationLower, correlationUpper)
      (self.error, self.errorLower, self.errorUpper) = (error, errorLower, errorUpper)
      (self.alignment, self.isNull) = (alignment, isNull)
    }
  }

  /// Draws the trajectories on a grid of `rows` x `columns` positions. The first is the network.
  public static func make(
    _ trajectories: [Trajectory], rows: Int, columns: Int, samples: Int, title: String,
    theme: Theme
  ) -> Figure {
    let depths = trajectories.first?.norms.count ?? 0
    let all = trajectories.flatMap { $0.norms.flatMap { $0 } }.filter(\.isFinite)
    let top = all.max() ?? 1
    let domain = 0...(top > 0 ? top : 1)
    let curves =
      [correlationPanel(trajectories, depths, theme)]
      + (trajectories.count > 1 ? [errorPanel(trajectories, depths, theme)] : [])
    let likeness = AlignmentFigure.domain(trajectories.prefix(4).map(\.alignment))
    let alignments = trajectories.prefix(4).map { trajectory in
      Panel.cells(
        trajectory.alignment, rows: depths, columns: depths, .magma, likeness,
        title: "CKA, \(trajectory.name)", x: "depth", y: "depth", showsTicks: true)
    }
    let sections: [Figure.Section] = [
      rows > 1
        ? normMaps(trajectories, rows, columns, domain)
        : normLines(trajectories, columns, depths, domain, theme),
      .init(
        [curves], weight: 1.25,
        legend: zip(trajectories, styles(trajectories, theme)).map {
          .init($0.isNull ? "null: \($0.name)" : $0.name, $1)
        }),
      .init(
        [Array(alignments)], colorBar: .init(.magma, likeness, title: "linear CKA"),
        weight: 1.25),
    ]
    return Figure(
      title: title,
      caption: "Top: norm of the residual stream u at each position, mean over \(samples) held-out "
        + "samples, from the embedding (depth 0) to the last layer. Shaded: 95 % bootstrap over "
        + "samples.",
      width: 560, height: 330 + 78 * Double(trajectories.count), sections: sections)
  }

  private static func styles(
    _ trajectories: [Trajectory], _ theme: Theme
  ) -> [Panel.LineStyle] {
    Curve.styles(trajectories.map(\.isNull), theme: theme)
  }

  /// On a grid: a map a depth.
  private static func normMaps(
    _ trajectories: [Trajectory], _ rows: Int, _ columns: Int, _ domain: ClosedRange<Double>
  ) -> Figure.Section {
    let maps = trajectories.enumerated().map { index, trajectory in
      trajectory.norms.enumerated().map { depth, norms in
        Panel.cells(
          norms, rows: rows, columns: columns, .viridis, domain,
          title: index == 0 ? "depth \(depth)" : "", y: depth == 0 ? trajectory.name : "")
      }
    }
    return Figure.Section(
      maps, colorBar: .init(.viridis, domain, title: "mean ‖u‖"),
      weight: 0.62 * Double(trajectories.count) + 0.2)
  }

  /// On a line, as text is: a curve a depth.
  private static func normLines(
    _ trajectories: [Trajectory], _ columns: Int, _ depths: Int, _ domain: ClosedRange<Double>,
    _ theme: Theme
  ) -> Figure.Section {
    let x = (0..<columns).map(Double.init)
    let last = Double(max(depths - 1, 1))
    // The map's ends are too close to either theme's background to be seen as lines.
    let colors = ColorMap.viridis.part(0.05...0.9)
    let panels = trajectories.map { trajectory in
      Panel(
        title: "Norm at each position, \(trajectory.name)",
        x: .init(Scale(fitting: x).whole(), title: "position"),
        y: .init(Scale(fitting: [0, domain.upperBound]), title: "mean ‖u‖"),
        marks: trajectory.norms.enumerated().map { depth, norms in
          .line(x, norms, .init(colors.color(Double(depth) / last)))
        })
    }
    return Figure.Section(
      [panels], colorBar: .init(colors, 0...last, title: "depth", isWhole: true), weight: 1.25)
  }

  private static func correlationPanel(
    _ trajectories: [Trajectory], _ depths: Int, _ theme: Theme
  ) -> Panel {
    let x = (1..<max(depths, 2)).map(Double.init)
    let styles = styles(trajectories, theme)
    let marks = trajectories.enumerated().flatMap { index, t -> [Panel.Mark] in
      let style = styles[index]
      return [
        .band(x, t.correlationLower, t.correlationUpper, style.color.opacity(0.2)),
        .line(x, t.correlation, t.isNull ? style : .init(style.color)),
        .points(x, t.correlation, style.color, radius: t.isNull ? 1.7 : 2.2, hollow: t.isNull),
      ]
    }
    return Panel(
      title: "Correlation with the state one layer before",
      x: .init(Scale(fitting: x), title: "depth", ticks: x.map { ($0, String(Int($0))) }),
      y: .init(.likeness(trajectories.flatMap(\.correlation)), title: "correlation"), marks: marks)
  }

  private static func errorPanel(
    _ trajectories: [Trajectory], _ depths: Int, _ theme: Theme
  ) -> Panel {
    let x = (0..<depths).map(Double.init)
    let styles = styles(trajectories, theme)
    let marks = trajectories.enumerated().dropFirst().flatMap { index, t -> [Panel.Mark] in
      let style = styles[index]
      return [
        .band(x, t.errorLower, t.errorUpper, style.color.opacity(0.2)),
        .line(x, t.error, t.isNull ? style : .init(style.color)),
        .points(x, t.error, style.color, radius: t.isNull ? 1.7 : 2.2, hollow: t.isNull),
      ]
    }
    return Panel(
      title: "Relative squared error against the network",
      x: .init(Scale(fitting: x), title: "depth", ticks: x.map { ($0, String(Int($0))) }),
      y: .init(
        .spread(trajectories.dropFirst().flatMap(\.error), including: [0, 1]),
        title: "relative squared error"),
      marks: marks + [.level(1, theme.muted, "as large as the state")])
  }
}
