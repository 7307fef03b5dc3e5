/// `weights-map`: one number of every weight matrix, layers by checkpoints, or kinds of matrix by layers at one checkpoint.
public enum WeightsMapFigure {
  /// Cells of one panel, row 0 at the top.
  public struct Map: Sendable {
    /// Words over the panel.
    public var name: String
    /// `[row][column]`; NaN where there is no such matrix.
    public var cells: [Double]

    /// A map.
    public init(name: String, cells: [Double]) { (self.name, self.cells) = (name, cells) }
  }

  /// Draws `maps` with labelled rows and columns on one colour scale.
  public static func make(
    _ maps: [Map], rows: [String], rowTitle: String, columns: [String], columnTitle: String,
    what: String,
    null: String, title: String, theme: Theme
  ) -> Figure {
    let all = maps.flatMap(\.cells).filter(\.isFinite)
    let domain = Scale.range(all)
    let across = min(3, max(1, maps.count))
    let (height, width) = (Double(rows.count), Double(columns.count))
    let panels = maps.map { map in
      Panel(
        title: map.name,
        x: .init(
          Scale(.linear, 0...max(width, 1)), title: columnTitle,
          ticks: ticks(columns, upwards: true)),
        y: .init(
          Scale(.linear, 0...max(height, 1)), title: rowTitle, ticks: ticks(rows, upwards: false)),
        marks: [
          .cells(map.cells, rows: rows.count, columns: columns.count, .viridis, domain)
        ], hasGrid: false)
    }
    let lines = (panels.count + across - 1) / across
    let wide = maps.count == 1 ? max(260, 20 * width) : 190
    return Figure(
      title: title, caption: "\(what) of each weight matrix. \(null)",
      width: 170 + min(560, wide) * Double(across),
      height: 120 + (90 + 8 * min(height, 24)) * Double(max(lines, 1)),
      sections: [
        .init(
          list: panels, across: across,
          colorBar: .init(
            .viridis, domain, title: what, isWhole: all.allSatisfy { $0 == $0.rounded() }))
      ])
  }

  /// A label at the middle of every cell, or of every few where there are many.
  private static func ticks(
    _ labels: [String], upwards: Bool
  ) -> [(value: Double, label: String)] {
    let step = max(1, (labels.count + 11) / 12)
    return stride(from: 0, to: labels.count, by: step).map { index in
      let middle = Double(index) + 0.5
      return (upwards ? middle : Double(labels.count) - middle, labels[index])
    }
  }
}
