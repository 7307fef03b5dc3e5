import Checkpoints

/// A batch of samples of equal length or size.
public enum NetworkInput: Sendable {
  /// Token ids `[sample, position]`; `mask`, of the same shape, is true where there is a token and false at padding, which nothing
  /// attends to. Nil when there is none.
  case tokens([Int32], mask: [Bool]? = nil, samples: Int)
  /// Pixels `[sample, channel, y, x]`, already normalised as the network wants them.
  case images([Float], samples: Int, height: Int, width: Int)

  /// Number of samples.
  var samples: Int {
    switch self {
    case .tokens(_, _, let samples), .images(_, let samples, _, _): samples
    }
  }

  /// Checks the input against what a network takes; gives its number of positions.
  /// - Throws: ``CheckpointError`` for the other kind of input, an id beyond the vocabulary, a text longer than the positions, or
  ///   images of another size.
  func positions(_ plan: NetworkPlan, _ file: String) throws -> Int {
    func refused(_ expected: String, _ found: String, _ remedy: String) -> CheckpointError {
      CheckpointError(.mismatch, file: file, expected: expected, found: found, remedy: remedy)
    }
    switch (self, plan.input) {
    case (.tokens(let ids, let mask, let samples), .tokens(let vocabulary)):
      guard samples > 0, !ids.isEmpty, ids.count % samples == 0,
        mask.map({ $0.count == ids.count }) ?? true
      else {
        throw refused(
          "ids [sample, position], and a mask of the same shape",
          "\(ids.count) ids of \(samples) samples", "cut the texts to one length, or pad them")
      }
      if let wrong = ids.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
        throw refused(
          "token ids from 0 to \(vocabulary - 1)", "\(wrong)",
          "use the tokenizer that belongs to the network")
      }
      let positions = ids.count / samples
      guard positions <= plan.positionCount else {
        throw refused(
          "texts of at most \(plan.positionCount) tokens", "\(positions)", "cut the texts")
      }
      return positions
    case (
      .images(let pixels, let samples, let height, let width),
      .image(let channels, let nativeHeight, let nativeWidth, let patch, let isFree)
    ):
      let isNative = height == nativeHeight && width == nativeWidth
      let isSmall = height <= 1 << 14 && width <= 1 << 14
      guard samples > 0, isNative || (isFree && isSmall && min(height, width) >= patch),
        pixels.count == samples * channels * height * width
      else {
        throw refused(
          "images [\(channels), \(nativeHeight), \(nativeWidth)]"
            + (isFree ? " or of another size of at least \(patch)" : ""),
          "\(pixels.count) values of \(samples) samples, \(height) x \(width)",
          "scale the images to the network's size")
      }
      return plan.prefixCount + (height / patch) * (width / patch)
    case (.tokens, .image): throw refused("images", "token ids", "pass --images")
    case (.images, .tokens): throw refused("token ids", "images", "pass --tokens")
    }
  }
}
