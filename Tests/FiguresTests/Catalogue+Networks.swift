import Figures
import Foundation

extension Catalogue {
  /// Figures of weights and heads on made-up values.
  static func networks(
    _ theme: Theme, _ wave: (Int, Double) -> [Double]
  ) -> [(name: String, figure: Figure)] {
    let layers = (0..<24).map { $0 / 4 }
    let spectra = (0..<4).map { index in
      let values = (0..<64).map { 8 * pow(Double($0 + 1), -0.4 - 0.1 * Double(index)) }
      return SingularValuesFigure.Spectrum(
        name: "layer.\(index).attention.query.weight", values: values, alpha: 2.1 + Double(index),
        distance: 0.05, minimum: values[20] * values[20], tail: 21, edges: (0.4, 9))
    }
    let compositions = ["Query composition", "Key composition"].enumerated().map { index, name in
      CompositionFigure.Kind(
        name: name,
        values: (0..<12).map { later in
          let row = wave(12, Double(later + index))
          return (0..<12).map { $0 / 4 < later / 4 ? row[$0] : .nan }
        }, null: 0.6)
    }
    return [
      (
        "singular-values",
        SingularValuesFigure.make(
          spectra, checkpoint: 5, leftOut: 10, title: "Singular values", theme: theme)
      ),
      (
        "weights-map",
        WeightsMapFigure.make(
          ["attention.query", "mlp.up"].map { .init(name: $0, cells: wave(36, 0)) },
          rows: (0..<6).map(String.init), rowTitle: "layer", columns: (0..<6).map(String.init),
          columnTitle: "checkpoint", what: "Stable rank",
          null: "Null: 11.5 for a random matrix of the same shape and norm.", title: "Weights",
          theme: theme)
      ),
      (
        "weights-kinds",
        WeightsMapFigure.make(
          [.init(name: "", cells: wave(24, 1))],
          rows: [
            "attention.query", "attention.key", "attention.value", "attention.output", "mlp.up",
            "mlp.down",
          ], rowTitle: "", columns: (0..<4).map(String.init), columnTitle: "layer",
          what: "Effective rank", null: "", title: "Weights", theme: theme)
      ),
      (
        "heads",
        HeadsFigure.make(
          [
            .init(
              title: "Induction", axis: "attention", values: wave(24, 0),
              lower: wave(24, 0).map { $0 - 0.05 }, upper: wave(24, 0).map { $0 + 0.05 },
              null: [Double](repeating: 0.06, count: 24), untrained: wave(24, 2)),
            .init(
              title: "OV copying", axis: "Σλ / Σ|λ|", values: wave(24, 3).map { 2 * $0 - 1 },
              null: [Double](repeating: 0.3, count: 24), isTwoSided: true),
          ], layers: layers, network: layers.indices.map { $0 / 12 },
          networks: ["first", "second"], samples: 32, title: "Heads", theme: theme)
      ),
      (
        "composition",
        CompositionFigure.make(
          compositions, layers: 3, heads: 4, title: "Composition of heads", theme: theme)
      ),
      (
        "lens",
        LensFigure.make(
          .init(
            right: (0..<7).map { 6 - 0.8 * Double($0) }, shuffled: wave(7, 0).map { 6 + $0 },
            random: wave(7, 1).map { 5 + $0 }, untrained: wave(7, 2).map { 4 + $0 }),
          ranks: (0..<7).map { depth in wave(12, Double(depth)).map { pow(10, 4 * $0) } },
          words: (0..<12).map { String(101 + 37 * $0) }, sample: 0, samples: 8,
          depths: ["in"] + (0..<6).map(String.init), title: "Logit lens", theme: theme)
      ),
      (
        "checkpoint-cka",
        CheckpointAlignmentFigure.make(
          (0..<3).map { ("layer.\($0).mlp.up.weight", wave(36, Double($0))) }, count: 6, leftOut: 9,
          title: "CKA of checkpoints", theme: theme)
      ),
      (
        "barrier",
        BarrierFigure.make(
          Curve(
            "on the way", (0...10).map { Double($0) / 10 }, wave(11, 0),
            lower: wave(11, 0).map { $0 - 0.04 }, upper: wave(11, 0).map { $0 + 0.04 }),
          accuracy: wave(11, 2), chord: (0...10).map { 0.5 + 0.02 * Double($0) }, barrier: 0.3127,
          nulls: [("shuffled", 1.6, 0.1), ("untrained", 1.4, 0.12)], title: "Barrier", theme: theme)
      ),
    ]
  }
}
