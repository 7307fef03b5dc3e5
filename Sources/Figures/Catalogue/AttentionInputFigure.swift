/// `attention-input`: what heads attend to, on the input itself: on an image's patches, or on the tokens of a text; network beside PDE.
public enum AttentionInputFigure {
  /// One sample as the network took it.
  public enum Input: Sendable {
    /// Pixels `[y][x]`, 0 black and 1 white, and the grid of their patches.
    case image(pixels: [Double], rows: Int, columns: Int, grid: (rows: Int, columns: Int))
    /// Words of the tokens.
    case tokens([String])
  }

  /// One head: how much of the attention each patch or token gets.
  public struct Head: Sendable {
    /// Layer and head, from 0.
    public var layer: Int, head: Int
    /// `[key]`, of the network and of each equation by name.
    public var network: [Double], equations: [(name: String, values: [Double])]
    /// The same if all keys that a query sees were alike, `[key]`.
    public var null: [Double]

    /// A head.
    public init(
      layer: Int, head: Int, network: [Double], equations: [(name: String, values: [Double])],
      null: [Double]
    ) {
      (self.layer, self.head) = (layer, head)
      (self.network, self.equations, self.null) = (network, equations, null)
    }

    fileprivate var all: [(name: String, values: [Double])] { [("network", network)] + equations }
    /// Whether the null is another from key to key, as under a causal mask.
    fileprivate var isNullUneven: Bool {
      guard let least = null.min(), let most = null.max() else { return false }
      return most - least > 1e-6 * most
    }
    fileprivate var title: String { "Layer\u{a0}\(layer), head\u{a0}\(head)" }
  }

  /// Tokens that have a row of their own; more are left out, and the caption says so.
  static let mostTokens = 24

  /// Draws every head on one scale of colours; `queries` says whose attention it is, in words.
  public static func make(
    _ input: Input, heads: [Head], queries: String, sample: Int, title: String, theme: Theme
  ) -> Figure {
    let section = section(input, heads: heads, theme: theme)
    let panels = section.rows.map(\.count).max() ?? 1
    let isImage = if case .image = input { true } else { false }
    let width = max(300, 80 + (isImage ? 125 : 190) * Double(panels))
    let row = (width - 70) / Double(max(panels, 1)) + 12
    let height =
      isImage ? 85 + row * Double(max(section.rows.count, 1)) : 110 + 13 * Double(shown(input))
    return Figure(
      title: title, caption: caption(input, heads, queries: queries, sample: sample),
      width: width, height: height,
      sections: [section])
  }

  /// What the colours are, in sentences.
  static func caption(_ input: Input, _ heads: [Head], queries: String, sample: Int) -> String {
    let count = heads.first?.network.count ?? 0
    let null = heads.first?.null ?? []
    func short(_ value: Double) -> String { FieldFigure.short((1e4 * value).rounded() / 1e4) }
    let alike =
      heads.first?.isNullUneven == true
      ? "all keys that a query sees alike, would be between \(short(null.min() ?? 0)) and \(short(null.max() ?? 0))"
      : "all keys alike, would be \(short(null.first ?? 0)) everywhere"
    let unit = if case .image = input { "patch" } else { "token" }
    let shown = shown(input)
    return "Attention that each \(unit) of held-out sample \(sample) gets, \(queries). The null, "
      + "\(alike)."
      + (unit == "patch"
        ? " Colours are darkened by the image."
        : shown < count ? " The first \(shown) of \(count) tokens." : "")
      + (unit == "token" && heads.first?.equations.count == 1
        ? " PDE: \(heads.first?.equations.first?.name ?? "")." : "")
  }

  private static func shown(_ input: Input) -> Int {
    if case .tokens(let words) = input { return min(words.count, mostTokens) }
    return 0
  }

  /// Panels of all heads: for an image itself and a map each, for a text a column a map.
  static func section(
    _ input: Input, heads: [Head], weight: Double = 1, theme: Theme
  ) -> Figure.Section {
    // Tokens that have no row do not fade the others.
    let visible = if case .tokens = input { shown(input) } else { Int.max }
    let top =
      heads.flatMap { $0.all.flatMap { $0.values.prefix(visible) } }.filter(\.isFinite).max() ?? 1
    let domain = 0...(top > 0 ? top : 1)
    let bar = Figure.ColorBar(.viridis, domain, title: "attention")
    switch input {
    case .image(let pixels, let rows, let columns, let grid):
      func picture(_ title: String, _ colors: [UInt32]) -> Panel {
        Panel(
          title: title, x: .init(Scale(.linear, 0...Double(max(columns, 1))), ticks: []),
          y: .init(Scale(.linear, 0...Double(max(rows, 1))), ticks: []),
          marks: [.picture(colors, rows: rows, columns: columns)],
          aspect: Double(max(columns, 1)) / Double(max(rows, 1)), hasGrid: false)
      }
      let image = picture("Input", pixels.map { Color($0, $0, $0).packed })
      let maps = heads.map { head in
        head.all.map { name, values in
          picture(
            "\(head.title), \(name)",
            (0..<rows * columns).map { place in
              let (y, x) = (place / columns, place % columns)
              let patch =
                y * grid.rows / rows * grid.columns + x * grid.columns / columns
              guard values.indices.contains(patch) else { return theme.missing.packed }
              let color = ColorMap.viridis.color(values[patch] / domain.upperBound)
              let light = 0.5 + 0.5 * pixels[place]
              return Color(color.red * light, color.green * light, color.blue * light).packed
            })
        }
      }
      // Two heads beside each other share the input; of more, each has a row with it.
      let rows = maps.count > 2 ? maps.map { [image] + $0 } : [[image] + maps.joined()]
      return .init(rows, colorBar: bar, weight: weight)
    case .tokens(let words):
      let count = shown(input)
      let panels = heads.enumerated().map { index, head -> Panel in
        let columns = head.all + (head.isNullUneven ? [("null", head.null)] : [])
        let cells = (0..<count).flatMap { row in
          columns.map { row < $0.values.count ? $0.values[row] : .nan }
        }
        return Panel(
          title: head.title,
          x: .init(
            Scale(.linear, 0...Double(columns.count)),
            ticks: columns.indices.map {
              (Double($0) + 0.5, head.equations.count == 1 && $0 == 1 ? "PDE" : columns[$0].name)
            }),
          y: .init(
            Scale(.linear, 0...Double(max(count, 1))),
            ticks: (0..<count).map { (Double(count - $0) - 0.5, index == 0 ? words[$0] : "") }),
          marks: [.cells(cells, rows: count, columns: columns.count, .viridis, domain)],
          hasGrid: false)
      }
      return .init([panels], colorBar: bar, weight: weight)
    }
  }
}
