/// `correlation`: how alike successive states of the residual stream are, network and PDE side by side.
public enum CorrelationFigure {
  /// Draws a curve a trajectory over depth.
  public static func make(
    _ curves: [Curve], samples: Int, title: String, theme: Theme
  ) -> Figure {
    Figure(
      title: title,
      caption:
        "Pearson's correlation of all numbers of a state with those one layer before, mean over \(samples) held-out samples; "
        + "shaded: 95 % bootstrap over samples.",
      width: 400, height: 280,
      legend: curves.enumerated().map { .init($1.name, .init(theme.color($0))) },
      sections: [
        .init([
          [
            Panel.curves(
              curves, title: "", x: "depth", y: "correlation", including: [1], theme: theme)
          ]
        ])
      ])
  }
}

/// `cka`: similarity of every pair of depths.
public enum AlignmentFigure {
  /// Draws `maps`, each `depths` x `depths`, of trajectories `names`.
  public static func make(
    _ maps: [[Double]], names: [String], depths: Int, samples: Int, title: String, theme: Theme
  ) -> Figure {
    let columns = min(3, max(names.count, 1))
    let panels = zip(names, maps).map { name, map in
      Panel.cells(
        map, rows: depths, columns: depths, .magma, 0...1, title: name, x: "depth", y: "depth",
        showsTicks: true)
    }
    let rows = stride(from: 0, to: panels.count, by: columns).map {
      Array(panels[$0..<min($0 + columns, panels.count)])
    }
    return Figure(
      title: title,
      caption:
        "Linear centred kernel alignment of the states of \(samples) held-out samples at every two depths; 1 on the diagonal.",
      width: 130 + 160 * Double(columns), height: 90 + 170 * Double(max(rows.count, 1)),
      sections: [.init(rows, colorBar: .init(.magma, 0...1, title: "linear CKA"))])
  }
}
