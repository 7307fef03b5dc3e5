import Archive
import Foundation
import Metrics

/// How a network gets its answer from the last state, and which answer is right, for the logit lens.
struct NetworkHead {
  /// What is scored.
  enum Answers: Equatable {
    /// The token at each position itself.
    case own
    /// The next token at each position.
    case next
    /// A class, from the first position.
    case classFromFirst
    /// A class, from the mean over the sample's positions behind the final norm.
    case classFromMean
  }

  let unembedding: Unembedding
  let answers: Answers

  /// Reads the head of a network at a checkpoint.
  /// - Throws: ``Archive/ArchiveError`` for a network without scores, or with a head that is not understood.
  init(_ network: ArchivedNetwork, checkpoint: Int) throws {
    self =
      network.modelType == nil
      ? try Self.ours(network, checkpoint) : try Self.imported(network, checkpoint)
  }

  private init(_ unembedding: Unembedding, _ answers: Answers) {
    (self.unembedding, self.answers) = (unembedding, answers)
  }

  private static func refused(_ network: ArchivedNetwork, _ found: String) -> ArchiveError {
    ArchiveError(
      .refused,
      "\(network.reader.path): the logit lens needs a network that gives scores of tokens or classes, found \(found)"
    )
  }

  // MARK: - Networks trained here

  private static func ours(_ network: ArchivedNetwork, _ checkpoint: Int) throws -> NetworkHead {
    let isTied = network.flag("model.tied")
    guard
      let matrix = try network.parameter(
        isTied ? "token_embedding.weight" : "classifier.weight", checkpoint)
    else { throw refused(network, "no classifier") }
    var unembedding = Unembedding(
      scores: .init(
        weight: matrix.elements,
        bias: try network.parameter("classifier.bias", checkpoint)?.elements,
        outputs: matrix.shape[0]))
    unembedding.norm = try norm(
      network, "final_norm.weight", "final_norm.bias", epsilon: 1e-5, checkpoint)
    guard let answers = ourAnswers[network.setting("model.pool") ?? ""] else {
      throw refused(network, "model.pool: \(network.setting("model.pool") ?? "not set")")
    }
    return NetworkHead(unembedding, answers)
  }

  private static let ourAnswers: [String: Answers] = [
    "each": .next, "class": .classFromFirst, "mean": .classFromMean,
  ]

  // MARK: - Networks that others trained

  /// Networks that predict the next token; with the epsilon of their norms where a configuration does not say it.
  private static let causal: [String: Float] = [
    "gpt2": 1e-5, "gpt_neox": 1e-5, "opt": 1e-5, "llama": 1e-6, "qwen2": 1e-6, "qwen3": 1e-6,
  ]

  private static func imported(_ network: ArchivedNetwork, _ checkpoint: Int) throws -> NetworkHead
  {
    let model = network.modelType ?? ""
    guard !network.contains("distillation_head.weight") else {
      throw refused(network, "two heads, of which the network takes the mean")
    }
    let isCausal = causal[model] != nil
    let isTied =
      model == "gpt2" || model == "opt" || network.contains("head.bias")
      || (isCausal && network.flag("tie_word_embeddings"))
    let takesTokens = network.contains("embedding.token")
    guard
      let matrix = try network.parameter("head.weight", checkpoint)
        ?? (isTied ? network.parameter("embedding.token", checkpoint) : nil)
    else { throw refused(network, "a \(model) without them") }
    var unembedding = Unembedding(
      scores: .init(
        weight: matrix.elements, bias: try network.parameter("head.bias", checkpoint)?.elements,
        outputs: matrix.shape[0]))
    let epsilon =
      network.setting("layer_norm_epsilon", "layer_norm_eps", "rms_norm_eps").flatMap(Float.init)
      ?? causal[model] ?? 1e-12
    unembedding.norm = try norm(
      network, "final_norm.gain", "final_norm.bias", epsilon: epsilon, checkpoint)
    unembedding.dense =
      try network.linear("head.transform", checkpoint)
      ?? network.linear("head.projection", checkpoint)
    if network.contains("head.transform.weight") {
      let activation = network.setting("hidden_act", "activation") ?? "gelu"
      guard activation == "gelu" else {
        throw refused(network, "scores behind \(activation), where only gelu is understood")
      }
      unembedding.isActivated = true
      unembedding.denseNorm = try norm(
        network, "head.norm.gain", "head.norm.bias", epsilon: epsilon, checkpoint)
    }
    return NetworkHead(unembedding, !takesTokens ? .classFromFirst : isCausal ? .next : .own)
  }

  /// A norm; nil when the network has none of that name. Without a bias it is one by the root mean square.
  private static func norm(
    _ network: ArchivedNetwork, _ gain: String, _ bias: String, epsilon: Float, _ checkpoint: Int
  ) throws -> Unembedding.Norm? {
    guard let gain = try network.parameter(gain, checkpoint) else { return nil }
    let bias = try network.parameter(bias, checkpoint)
    return Unembedding.Norm(
      gain: gain.elements, bias: bias?.elements, isRootMeanSquare: bias == nil, epsilon: epsilon)
  }
}
