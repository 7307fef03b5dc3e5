/// `attention`: one map a layer and head, on one colour scale.
public enum AttentionFigure {
  /// Draws `maps[layer][head]`, each `[query, key]` with `keys` columns.
  ///
  /// The colour scale ends at the 99.5 % quantile of all entries, and says so: single peaks would darken the rest.
  public static func make(
    _ maps: [[[Double]]], layers: [Int], keys: Int, title: String, what: String,
    top fixed: Double? = nil, theme: Theme
  ) -> Figure {
    let all = maps.flatMap { $0.flatMap { $0 } }.filter(\.isFinite)
    let top = fixed ?? top(maps)
    let heads = maps.map(\.count).max() ?? 0
    let rows = (0..<heads).map { head in
      zip(layers, maps).map { layer, row in
        Panel.cells(
          row.indices.contains(head) ? row[head] : [],
          rows: row.indices.contains(head) ? row[head].count / max(keys, 1) : 0, columns: keys,
          .viridis, 0...top, title: head == 0 ? "layer \(layer)" : "",
          x: head == heads - 1 ? "key" : "",
          y: layer == layers.first ? (heads > 1 ? "head \(head)" : "query") : "")
      }
    }
    let cell = min(120, max(36, 640 / Double(max(layers.count, 1))))
    return Figure(
      title: title,
      caption: "\(what) Rows are queries, columns keys, each row sums to 1. The uniform map would "
        + "be \(rounded(1 / Double(max(keys, 1)))) everywhere. Colours end at \(fixed == nil ? "the 99.5 % quantile, " : "")"
        + "\(rounded(top)); the largest entry is \(rounded(all.max() ?? 0)).",
      width: max(420, cell * Double(layers.count) + 120),
      height: max(220, cell * Double(heads) + 120),
      sections: [.init(rows, colorBar: .init(.viridis, 0...top, title: "attention"))])
  }

  /// Where the colours of maps end: the 99.5 % quantile of their entries.
  public static func top(_ maps: [[[Double]]]) -> Double {
    let finite = maps.flatMap { $0.flatMap { $0 } }.filter(\.isFinite)
    // Where nearly all entries are 0, the largest one.
    let ends = [quantile(finite, 0.995) ?? 1, finite.max() ?? 1, 1]
    return ends.first { $0 > 0 } ?? 1
  }

  private static func rounded(_ value: Double) -> String {
    guard abs(value) >= 1e-3 && abs(value) < 1e6 || value == 0 else {
      return FieldFigure.short(value)
    }
    let digits = value >= 0.1 ? 1000.0 : 10000.0
    return "\((value * digits).rounded() / digits)"
  }
}
