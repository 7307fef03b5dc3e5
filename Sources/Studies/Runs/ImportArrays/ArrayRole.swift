import Archive

/// What an array that somebody saved stands for.
enum ArrayRole: String, Sendable, CaseIterable {
  /// The residual stream at a depth, or between attention and MLP of a layer.
  case state
  /// Attention maps after softmax.
  case attention
  /// Scores before softmax.
  case scores
  case queries, keys, values
  /// Values mixed by the map, head by head.
  case headOutput = "head_output"
  /// The MLP after its activation.
  case hidden
  /// The last state behind the final norm, where it stands beside the residual stream.
  case finalNorm = "final_norm"
  /// Scores of classes or tokens.
  case logits
  /// What a pooling layer makes of the last state.
  case pooled
  /// The gradient of each sample's own loss by a state.
  case gradient
  /// Token ids.
  case tokens
  /// Pixels.
  case image
  /// Token ids or pixels, as its axes say.
  case input
  /// 1 at tokens, 0 at padding.
  case mask
  /// The class of each sample; of `[sample, position]`, the token to be predicted.
  case label
  /// What tells samples apart.
  case sampleID = "sample_id"
  /// 0 for samples that equations are fitted to, 1 for those they are judged on.
  case split
  /// A weight.
  case parameter

  /// Axes in the order in which a preset's files have them; nil where any will do.
  func usualAxes(rank: Int) -> [String]? {
    switch self {
    case .state, .finalNorm, .gradient: ["sample", "position", "channel"]
    case .attention, .scores: ["sample", "head", "query", "key"]
    case .queries, .keys, .values, .headOutput: ["sample", "position", "head", "head_channel"]
    case .hidden: ["sample", "position", "hidden"]
    case .logits: rank == 2 ? ["sample", "class"] : ["sample", "position", "token"]
    case .pooled: ["sample", "channel"]
    case .tokens, .mask: ["sample", "position"]
    case .image: ["sample", "channel", "y", "x"]
    case .input: rank == 2 ? ["sample", "position"] : ["sample", "channel", "y", "x"]
    case .label: rank == 2 ? ["sample", "position"] : ["sample"]
    case .sampleID, .split: ["sample"]
    case .parameter: nil
    }
  }

  /// Axes in the order in which an archive has them, behind the checkpoint.
  func archivedAxes(rank: Int) -> [String]? {
    switch self {
    case .queries, .keys, .values, .headOutput: ["sample", "head", "position", "head_channel"]
    default: usualAxes(rank: rank)
    }
  }

  /// Whether it belongs to a layer or depth.
  var isOfLayer: Bool {
    switch self {
    case .state, .attention, .scores, .queries, .keys, .values, .headOutput, .hidden, .gradient:
      true
    default: false
    }
  }

  /// Whether it says something of the samples themselves, whatever the checkpoint.
  var isOfSamples: Bool {
    switch self {
    case .tokens, .image, .mask, .label, .sampleID, .split: true
    default: false
    }
  }

  /// Whether only whole numbers make sense.
  var isWhole: Bool {
    switch self {
    case .tokens, .mask, .label, .sampleID, .split: true
    default: false
    }
  }

  /// What is captured, of roles with a place in the network; states are told by ``ArrayRule/Place``.
  var quantity: TapName.Quantity? {
    switch self {
    case .attention: .map
    case .scores: .scores
    case .queries: .queries
    case .keys: .keys
    case .values: .values
    case .headOutput: .headOutput
    case .hidden: .hidden
    case .finalNorm: .finalNorm
    case .logits: .logits
    case .pooled: .pooled
    default: nil
    }
  }
}
