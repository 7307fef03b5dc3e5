/// `checkpoint-cka`: how alike the weights of every two checkpoints are.
public enum CheckpointAlignmentFigure {
  /// Draws `maps`, each `count` x `count`, by name on one colour scale.
  public static func make(
    _ maps: [(name: String, values: [Double])], count: Int, leftOut: Int, title: String,
    theme: Theme
  ) -> Figure {
    let across = min(3, max(1, maps.count))
    // Steps of a training are small beside the way to independent matrices, which would hide them.
    let lowest = maps.flatMap(\.values).filter(\.isFinite).min() ?? 0
    let domain = lowest < 1 - 1e-9 ? lowest...1.0 : 0...1.0
    let panels = maps.map { map in
      Panel.cells(
        map.values, rows: count, columns: count, .magma, domain, title: map.name, x: "checkpoint",
        y: "checkpoint", showsTicks: true)
    }
    let rows = (panels.count + across - 1) / across
    return Figure(
      title: title,
      caption:
        "Debiased linear CKA of each weight matrix at every two checkpoints, rows as samples: 1 for a rotated copy, about 0 for independent matrices (the null). Colours begin at the lowest."
        + (leftOut > 0 ? " \(leftOut) more matrices: choose with --matrix." : ""),
      width: 130 + 170 * Double(across), height: 100 + 180 * Double(max(rows, 1)),
      sections: [
        .init(list: panels, across: across, colorBar: .init(.magma, domain, title: "debiased CKA"))
      ])
  }
}
