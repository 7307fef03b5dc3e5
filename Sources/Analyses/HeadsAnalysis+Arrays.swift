import Archive
import Metrics

extension HeadsAnalysis {
  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let head = Axis("head_of_network", rows.count)
    let group = MetricGroup(analysis: .heads, samples: sampleCount)
    func numbers(
      _ name: String, _ longName: String, units: String = "1", _ value: (Row) -> Double
    ) -> CompleteArray {
      group.numbers(name, [head], rows.map(value), longName, units: units)
    }
    var arrays = [
      group.texts("file", head, rows.map(\.file), "archive that the head is from"),
      numbers("checkpoint", "number of the checkpoint") { Double($0.checkpoint) },
      numbers("layer", "layer, from 0") { Double($0.layer) },
      numbers("head", "head of the layer, from 0") { Double($0.head) },
    ]
    if !circuits.isEmpty {
      arrays += [
        numbers("ov_copying", "sum of the eigenvalues of W_O W_V over that of their sizes") {
          $0.copying
        },
        numbers("ov_copying_untrained", "the same of the network before training") {
          $0.copyingUntrained
        },
        numbers("ov_copying_null", "97.5 % quantile of its size for random heads") { row in
          circuits.first { $0.file == row.network }?.circuits.null.copying ?? .nan
        },
      ]
      arrays += compositionArrays(group)
    }
    for kind in HeadScores.Kind.allCases where rows.contains(where: { $0.scores[kind] != nil }) {
      let what = "mean attention " + kind.words
      func value(_ path: KeyPath<Score, Double>) -> (Row) -> Double {
        { $0.scores[kind]?[keyPath: path] ?? .nan }
      }
      arrays += [
        numbers(kind.rawValue, what, value(\.value)),
        numbers("\(kind.rawValue)_lower", "2.5 % limit", value(\.lower)),
        numbers("\(kind.rawValue)_upper", "97.5 % limit", value(\.upper)),
        numbers("\(kind.rawValue)_null", what + " of the uniform map", value(\.uniform)),
        numbers(
          "\(kind.rawValue)_untrained", what + " of the network before training",
          value(\.untrained)),
      ]
    }
    guard rows.contains(where: { !$0.scores.isEmpty }) else { return arrays }
    return arrays + [
      numbers("entropy", "entropy of a row, mean over samples and queries", units: "nat") {
        $0.entropy
      },
      numbers("entropy_null", "entropy of the uniform map", units: "nat") { $0.entropyNull },
      numbers(
        "distance",
        "distance of query and key in \(isOnGrid ? "patches" : "positions"), mean under the map"
      ) { $0.distance },
      numbers("distance_null", "distance under the uniform map") { $0.distanceNull },
    ]
  }

  /// Compositions of all pairs, of the only archive with parameters: heads of two networks do not feed each other.
  private func compositionArrays(_ group: MetricGroup) -> [CompleteArray] {
    guard let only = circuits.first, circuits.count == 1 else { return [] }
    typealias Axis = ArraySchema.AxisSchema
    let count = only.circuits.copying.count * only.headCount
    let (later, earlier) = (Axis("later_head", count), Axis("earlier_head", count))
    let names = (0..<count).map { Self.name($0, only.headCount) }
    var arrays = [
      group.texts("later_head_name", later, names, "layer and head"),
      group.texts("earlier_head_name", earlier, names, "layer and head"),
    ]
    for kind in HeadCircuit.Composition.allCases {
      let values = only.circuits.compositions[kind] ?? []
      let null = only.circuits.null.composition[kind]
      arrays += [
        group.numbers(
          "\(kind.rawValue)_composition", [later, earlier], values.flatMap { $0 },
          "\(kind.rawValue) composition; NaN where the second head is not in an earlier layer"),
        group.numbers(
          "\(kind.rawValue)_composition_null", [Axis("random", 2)],
          [null?.mean ?? .nan, null?.largest ?? .nan],
          "of random heads: mean, and the largest of \(HeadCircuits.Null.pairs)"),
      ]
    }
    return arrays
  }
}

extension HeadScores.Kind {
  /// After «mean attention».
  fileprivate var words: String {
    switch self {
    case .previous: "to the position before"
    case .first: "to the first position"
    case .induction: "to what followed the same token a period earlier"
    }
  }
}
