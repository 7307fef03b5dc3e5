import Archive
import Metrics

/// Weights that a network is evaluated with.
enum EvaluatedWeights: Equatable {
  /// The network's own at 0, those of another at 1, and mixtures of the two between.
  case mixture(Double)
  /// What the network was before it learned: its own before training, or matrices of independent Gaussian elements of the same
  /// shape and norm.
  case untrained
}

/// How a network does over its samples.
struct EvaluatedScore {
  /// Summed -ln of the right answers' probabilities, nats, and number of right answers sought, of each block of samples.
  var blocks: [(loss: Double, count: Int)] = []
  /// Right answers that have the highest score.
  var correct = 0

  /// Number of right answers sought.
  var count: Int { blocks.reduce(0) { $0 + $1.count } }
  /// Mean over all right answers; NaN of none.
  var loss: Double { count > 0 ? blocks.reduce(0) { $0 + $1.loss } / Double(count) : .nan }
  /// Share of right answers that have the highest score; NaN of none.
  var accuracy: Double { count > 0 ? Double(correct) / Double(count) : .nan }

  /// 95 % of the loss, by bootstrap over the blocks.
  func interval(seed: UInt64) -> (lower: Double, upper: Double) {
    let kept = blocks.filter { $0.count > 0 }
    guard kept.count > 1 else { return (.nan, .nan) }
    return Bootstrap(count: kept.count, seed: seed).interval { chosen in
      let loss = chosen.reduce(0) { $0 + kept[$1].loss }
      return loss / Double(chosen.reduce(0) { $0 + kept[$1].count })
    }
  }
}

/// A network and the samples that it is evaluated over.
protocol Evaluated {
  /// What is evaluated, in words.
  var title: String { get }
  /// What the untrained network is, in words.
  var untrained: String { get }
  /// What intervals are resampled over, in words.
  var blocks: String { get }
  /// Where the network and its data come from.
  func sources() throws -> [Provenance.Source]
  /// Goes over all samples; with `shuffled` each is asked for the answers of the one after it.
  func score(_ weights: EvaluatedWeights, shuffled: Bool) throws -> EvaluatedScore
}
