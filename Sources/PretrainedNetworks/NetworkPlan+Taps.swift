import Arrays
import Checkpoints

/// What a pass hands over, told before it runs.
extension NetworkPlan {
  /// Names of all arrays, in the order in which they come about.
  public var taps: [String] {
    var names = ["residual.0.pre"]
    for l in 0..<layerCount {
      names += ["attention.\(l).map", "residual.\(l).mid", "residual.\(l).post"]
    }
    names.append("final_norm.output")
    if scoreCount != nil { names.append("logits") }
    if hasPooler { names.append("pooled") }
    return names
  }

  /// Axes of an array behind `sample`, for inputs of `positions` positions.
  public func axes(of tap: String, positions: Int) -> [Axis] {
    switch tap {
    case "logits":
      let scores = scoreCount ?? 1
      if case .tokens = input { return [Axis("position", positions), Axis("token", scores)] }
      return [Axis("class", scores)]
    case "pooled": return [Axis("channel", width)]
    case _ where tap.hasSuffix(".map"):
      return [Axis("head", headCount), Axis("query", positions), Axis("key", positions)]
    default: return [Axis("position", positions), Axis("channel", width)]
    }
  }

  /// Positions of images of this size: patches, and the tokens before them.
  public func positions(height: Int, width: Int) -> Int {
    guard case .image(_, _, _, let patch, _) = input else { return 0 }
    return prefixCount + (height / patch) * (width / patch)
  }

  /// Bytes that a pass takes for one sample beside the weights.
  public func workingBytes(positions: Int) -> Int {
    let channels = 4 * width + 2 * mlpWidth + 2 * (headCount + keyValueHeadCount) * headWidth
    let scores = { if case .tokens = input { positions * (scoreCount ?? 0) } else { 0 } }()
    return 4 * (positions * channels + headCount * positions * positions + scores)
  }

  /// Scores that the head gives, of each position for tokens; nil when there are none.
  private var scoreCount: Int? {
    switch head {
    case .none, .pooler: return nil
    case .classes(let count), .distilledClasses(let count): return count
    case .language, .masked:
      if case .tokens(let vocabulary) = input { return vocabulary }
      return nil
    }
  }

  private var hasPooler: Bool { weights.rules.contains { $0.name == "pooler.weight" } }
}

extension NetworkInput {
  /// Checks the input against what a network takes.
  /// - Throws: ``CheckpointError`` for the other kind of input, an id beyond the vocabulary, a text longer than the positions, or
  ///   images of another size; `file` is the one the input is from.
  public func check(_ plan: NetworkPlan, file: String) throws { _ = try positions(plan, file) }
}
