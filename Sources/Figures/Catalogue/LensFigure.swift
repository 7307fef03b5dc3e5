import Foundation

/// `lens`: what the network would answer after each layer: loss over depth beside its nulls, and the right token's rank.
public enum LensFigure {
  /// Means over all samples, `[depth]`.
  public struct Losses: Sendable {
    /// Of the right answers; of answers dealt anew; with a random matrix; of the untrained network, empty for none.
    public var right: [Double], shuffled: [Double], random: [Double], untrained: [Double]

    /// Losses.
    public init(right: [Double], shuffled: [Double], random: [Double], untrained: [Double]) {
      (self.right, self.shuffled) = (right, shuffled)
      (self.random, self.untrained) = (random, untrained)
    }
  }

  /// Draws `losses`, and `ranks` `[depth][position]` of one sample whose right answers are `words`; `isOwnAnswer` where these are the
  /// network's own, for want of labels.
  public static func make(
    _ losses: Losses, ranks: [[Double]], words: [String], sample: Int, samples: Int,
    depths: [String], isOwnAnswer: Bool = false, title: String, theme: Theme
  ) -> Figure {
    let answer = isOwnAnswer ? "the network's own answer" : "right answer"
    let x = losses.right.indices.map(Double.init)
    let ticks = stride(from: 0, to: depths.count, by: max(1, (depths.count + 12) / 13)).map {
      (value: Double($0), label: depths[$0])
    }
    let nulls: [(name: String, values: [Double])] = [
      ("answers dealt anew", losses.shuffled), ("random matrix", losses.random),
      ("before training", losses.untrained),
    ].filter { $0.1.contains { $0.isFinite } }
    var marks = nulls.enumerated().flatMap { index, null in
      Panel.marks(of: Curve(null.name, x, null.values, isNull: true), theme.nullLine(index))
    }
    marks.append(.line(x, losses.right, .init(theme.color(0), width: 2)))
    marks.append(.points(x, losses.right, theme.color(0), radius: 2.4, hollow: false))
    let all = losses.right + nulls.flatMap(\.values)
    let curve = Panel(
      title: "Loss over depth", x: .init(Scale(fitting: x), title: "after layer", ticks: ticks),
      y: .init(Scale(fitting: all), title: "loss [nat]"), marks: marks)
    let logs = ranks.reversed().flatMap { row in row.map { $0 > 0 ? log10($0) : .nan } }
    let top = max(1, (logs.filter(\.isFinite).max() ?? 1).rounded(.up))
    let columns = words.count
    let step = max(1, (columns + 15) / 16)
    let middle = { (index: Int) in Double(index) + 0.5 }
    let map = Panel(
      title: "Rank of the \(isOwnAnswer ? "network's own" : "right") answer, sample \(sample)",
      x: .init(
        Scale(.linear, 0...Double(max(columns, 1))), title: "right token, by position",
        ticks: stride(from: 0, to: columns, by: step).map { (middle($0), words[$0]) }),
      y: .init(
        Scale(.linear, 0...Double(max(depths.count, 1))), title: "after layer",
        ticks: stride(from: 0, to: depths.count, by: max(1, (depths.count + 12) / 13)).map {
          (middle($0), depths[$0])
        }),
      marks: [
        .cells(logs, rows: ranks.count, columns: columns, .viridis, 0...top)
      ], hasGrid: false)
    let hasMap = columns > 1
    return Figure(
      title: title,
      caption:
        "Every state goes through the final norm and the scores' matrix; «in» is the state before the first layer. Mean over \(samples) samples. Nulls: answers dealt anew, a random matrix of the same norm"
        + (nulls.count > 2 ? ", the network before training." : ".")
        + (isOwnAnswer
          ? " The data has no labels: the curve says how early the network's own answer stands, not whether it is right."
          : "")
        + (hasMap ? " Colours: log₁₀ of the rank, 0 for the highest score." : ""),
      width: 470, height: hasMap ? 470 : 280,
      legend: [.init(answer, .init(theme.color(0), width: 2))]
        + nulls.enumerated().map { .init("null: \($1.name)", theme.nullLine($0)) },
      sections: [.init([[curve]])]
        + (hasMap
          ? [.init([[map]], colorBar: .init(.viridis, 0...top, title: "log₁₀ rank"))] : []))
  }
}
