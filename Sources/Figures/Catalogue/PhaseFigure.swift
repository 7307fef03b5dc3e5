import Foundation

/// `phase`: tokens under attention as particles: their paths, and how alike they become.
public enum PhaseFigure {
  /// Draws `positions[snapshot][token, coordinate]`; `energy` may be empty.
  public static func make(
    _ positions: [[Double]], dimension: Int, times: [Double], isSphere: Bool, energy: [Double],
    ending: String, title: String, theme: Theme
  ) -> Figure {
    let tokens = (positions.first?.count ?? 0) / max(dimension, 1)
    let colors = theme.sequence
    func coordinate(_ c: Int, _ snapshot: Int, _ token: Int) -> Double {
      c < dimension ? positions[snapshot][token * dimension + c] : 0
    }
    var marks: [Panel.Mark] = []
    if isSphere {
      let turn = (0...128).map { 2 * Double.pi * Double($0) / 128 }
      marks.append(.line(turn.map(cos), turn.map(sin), .init(theme.grid, width: 1)))
    }
    for token in 0..<tokens {
      marks.append(
        .line(
          positions.indices.map { coordinate(0, $0, token) },
          positions.indices.map { coordinate(1, $0, token) },
          .init(theme.muted.opacity(0.5), width: 0.7)))
    }
    let chosen = [0, positions.count / 8, positions.count / 3, positions.count - 1].filter {
      positions.indices.contains($0)
    }
    for snapshot in chosen {
      let share = Double(snapshot) / Double(max(positions.count - 1, 1))
      marks.append(
        .points(
          (0..<tokens).map { coordinate(0, snapshot, $0) },
          (0..<tokens).map { coordinate(1, snapshot, $0) }, colors.color(share), radius: 2.4,
          hollow: snapshot == 0))
    }
    let xs = positions.flatMap { row in
      stride(from: 0, to: row.count, by: dimension).map { row[$0] }
    }
    let ys = (0..<positions.count).flatMap { s in (0..<tokens).map { coordinate(1, s, $0) } }
    let reach =
      isSphere ? 1.08 : ((xs + ys).filter { $0.isFinite && $0 != 0 }.map(abs).max() ?? 1)
    let room = isSphere ? reach : (reach * 1.05).clamped
    let scale = Scale(.linear, -room...room)
    let phase = Panel(
      title: dimension > 2 ? "First two of \(dimension) coordinates" : "Paths",
      x: .init(scale, title: "x₀"), y: .init(scale, title: "x₁"), marks: marks, aspect: 1)
    var side = [
      Panel.curves(
        [
          Curve(
            "", times,
            positions.map { isSphere ? likeness($0, dimension) : spread($0, dimension) })
        ], title: isSphere ? "Mean inner product of two tokens" : "Mean distance from the centre",
        x: "time", y: "", including: [0], theme: theme)
    ]
    if !energy.isEmpty {
      side.append(
        Panel.curves(
          [Curve("energy", times, energy)], title: "Interaction energy", x: "time", y: "",
          theme: theme))
    }
    return Figure(
      title: title,
      caption:
        "\(tokens) tokens; rings: at the start; discs: later, coloured by time; lines: their paths; "
        + "\(ending).", width: 520, height: side.count > 1 ? 520 : 480,
      sections: [
        .init(
          [[phase]],
          colorBar: .init(colors, Scale.span(times), title: "time"),
          weight: 2), .init([side], weight: 0.9),
      ])
  }

  /// Mean of ⟨x_i, x_j⟩ over pairs of different tokens of length 1.
  private static func likeness(_ x: [Double], _ dimension: Int) -> Double {
    let tokens = Double(x.count / max(dimension, 1))
    let square = (0..<dimension).reduce(0.0) { total, c in
      let sum = stride(from: c, to: x.count, by: dimension).reduce(0) { $0 + x[$1] }
      return total + sum * sum
    }
    return tokens > 1 ? (square - tokens) / (tokens * (tokens - 1)) : 1
  }

  private static func spread(_ x: [Double], _ dimension: Int) -> Double {
    let tokens = x.count / max(dimension, 1)
    let centre = (0..<dimension).map { c in
      (0..<tokens).reduce(0) { $0 + x[$1 * dimension + c] } / Double(max(tokens, 1))
    }
    return (0..<tokens).reduce(0) { sum, token in
      sum
        + (0..<dimension).reduce(0) { square, c in
          let d = x[token * dimension + c] - centre[c]
          return square + d * d
        }.squareRoot()
    } / Double(max(tokens, 1))
  }
}
