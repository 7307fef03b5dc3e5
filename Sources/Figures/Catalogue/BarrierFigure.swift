/// `barrier`: loss on the straight line between the weights of two networks.
public enum BarrierFigure {
  /// Draws loss and accuracy over the way; `nulls` are losses of networks that know nothing, by name.
  public static func make(
    _ loss: Curve, accuracy: [Double], chord: [Double], barrier: Double,
    nulls: [(name: String, loss: Double, accuracy: Double)], title: String, theme: Theme
  ) -> Figure {
    let axis = Panel.Axis(
      Scale(fitting: loss.x, including: [0, 1]),
      title: "share of the way from one network to the other")
    func ends(_ value: Double) -> ([Double], [Double]) { ([0, 1], [value, value]) }
    func levels(_ value: (Int) -> Double) -> [Panel.Mark] {
      nulls.indices.map { index in
        let (x, y) = ends(value(index))
        return .line(x, y, theme.nullLine(index))
      }
    }
    let losses = Panel(
      title: "Loss", x: axis,
      y: .init(
        Scale(fitting: loss.y + loss.lower + loss.upper + chord + nulls.map(\.loss)),
        title: "loss [nat]"),
      marks: [
        .band(loss.x, loss.lower, loss.upper, theme.color(0).opacity(0.2)),
        .line(loss.x, chord, theme.reference),
      ] + levels { nulls[$0].loss } + [
        .line(loss.x, loss.y, .init(theme.color(0), width: 1.8)),
        .points(loss.x, loss.y, theme.color(0), radius: 2.2, hollow: false),
      ])
    let shares = Panel(
      title: "Accuracy", x: axis,
      y: .init(
        Scale(fitting: accuracy + nulls.map(\.accuracy), including: [0, 1]),
        title: "share of right answers"),
      marks: levels { nulls[$0].accuracy } + [
        .line(loss.x, accuracy, .init(theme.color(0), width: 1.8)),
        .points(loss.x, accuracy, theme.color(0), radius: 2.2, hollow: false),
      ])
    return Figure(
      title: title,
      caption:
        "Weights (1 − f) a + f b of two networks a and b. Barrier: \((barrier * 1e4).rounded() / 1e4) nat, the highest loss less the chord. Shaded: 95 % bootstrap over "
        + "samples.", width: 540, height: 300,
      legend: [
        .init("on the way", .init(theme.color(0), width: 1.8)),
        .init("chord between the ends", theme.reference),
      ] + nulls.enumerated().map { .init("null: \($1.name)", theme.nullLine($0)) },
      sections: [.init([[losses, shares]])])
  }
}
