/// `composition`: which heads read what earlier heads wrote, as a graph over layers.
public enum CompositionFigure {
  /// One kind of composition.
  public struct Kind: Sendable {
    /// Words over the panel.
    public var name: String
    /// `[later head][earlier head]`, heads counted through all layers; NaN where there is none.
    public var values: [[Double]]
    /// The largest among random heads.
    public var null: Double

    /// A kind.
    public init(name: String, values: [[Double]], null: Double) {
      (self.name, self.values, self.null) = (name, values, null)
    }
  }

  /// Edges drawn at most in a panel.
  private static let most = 60

  /// Draws a panel a kind: heads by layer, edges beyond the null the stronger the thicker.
  public static func make(
    _ kinds: [Kind], layers: Int, heads: Int, title: String, theme: Theme
  ) -> Figure {
    // Colours are for what is drawn: pairs beyond the null of their own kind.
    let beyond = kinds.flatMap { kind in kind.values.joined().filter { $0 > kind.null } }
    let (least, largest) = (beyond.min() ?? 0, beyond.max() ?? 0)
    let domain = largest > least ? least...largest : 0...max(largest, 1e-300)
    var counts: [String] = []
    let panels = kinds.map { kind -> Panel in
      var edges: [(later: Int, earlier: Int, value: Double)] = []
      for (later, row) in kind.values.enumerated() {
        for (earlier, value) in row.enumerated() where value > kind.null {
          edges.append((later, earlier, value))
        }
      }
      edges.sort { $0.value < $1.value }
      let total = kind.values.reduce(0) { $0 + $1.count { $0.isFinite } }
      let drawn = edges.suffix(most)
      counts.append(
        "\(kind.name): \(edges.count) of \(total) pairs lie beyond the null of \(short(kind.null))"
          + (drawn.count < edges.count ? ", the \(drawn.count) strongest are drawn" : ""))
      func place(_ head: Int) -> (x: Double, y: Double) {
        (Double(head / max(heads, 1)), Double(head % max(heads, 1)))
      }
      var marks: [Panel.Mark] = drawn.map { edge in
        let (a, b) = (place(edge.earlier), place(edge.later))
        let share = (edge.value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
        return .line(
          [a.x, b.x], [a.y, b.y],
          .init(theme.sequence.color(share).opacity(0.35 + 0.65 * share), width: 0.5 + 2.5 * share))
      }
      let all = (0..<layers * heads).map(place)
      marks.append(
        .points(all.map(\.x), all.map(\.y), theme.foreground, radius: 2.4, hollow: false))
      return Panel(
        title: kind.name, x: axis(layers, "layer"), y: axis(heads, "head"), marks: marks,
        hasGrid: false)
    }
    return Figure(
      title: title,
      caption:
        "‖AB‖/(‖A‖‖B‖) of a head's circuit and what an earlier head writes. Null: the largest among pairs of random heads of the same shape. "
        + counts.joined(separator: "; ") + ".",
      width: 130 + 210 * Double(max(panels.count, 1)),
      height: 150 + min(260, max(130, 24 * Double(heads))),
      sections: [
        .init(
          [panels],
          colorBar: beyond.isEmpty ? nil : .init(theme.sequence, domain, title: "composition"))
      ])
  }

  private static func axis(_ count: Int, _ title: String) -> Panel.Axis {
    let step = max(1, (count + 11) / 12)
    return .init(
      Scale(.linear, -0.5...Double(max(count, 1)) - 0.5), title: title,
      ticks: stride(from: 0, to: count, by: step).map { (Double($0), String($0)) })
  }

  private static func short(_ value: Double) -> String {
    "\((value * 1000).rounded() / 1000)"
  }
}
