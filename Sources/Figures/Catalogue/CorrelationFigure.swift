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
      legend: Curve.keys(curves, theme: theme),
      sections: [
        .init([
          [
            Panel.curves(
              curves, title: "", x: "depth", y: "correlation with the state before",
              scale: .likeness(curves.flatMap { $0.y + $0.lower + $0.upper }), theme: theme)
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
    let domain = domain(maps)
    let panels = zip(names, maps).map { name, map in
      Panel.cells(
        map, rows: depths, columns: depths, .magma, domain, title: name, x: "depth", y: "depth",
        showsTicks: true)
    }
    let rows = (panels.count + columns - 1) / columns
    return Figure(
      title: title,
      caption:
        "Linear centred kernel alignment of the states of \(samples) held-out samples at every two depths; 1 on the diagonal."
        + (domain.lowerBound > 0
          ? " Colours begin at \(FieldFigure.short(domain.lowerBound))." : ""),
      width: 130 + 160 * Double(columns), height: 90 + 170 * Double(max(rows, 1)),
      sections: [
        .init(list: panels, across: columns, colorBar: .init(.magma, domain, title: "linear CKA"))
      ])
  }

  /// The colours of likenesses: from 0, or from the tenth below the lowest where none is below a half.
  static func domain(_ maps: [[Double]]) -> ClosedRange<Double> {
    let lowest = maps.joined().filter(\.isFinite).min() ?? 0
    return lowest > 0.5 && lowest < 0.99 ? (10 * lowest).rounded(.down) / 10...1 : 0...1
  }
}
