import Archive
import Arrays
import Kernels
import Metrics

/// Which states are read, and which answer is right at each.
struct LensTargets {
  /// One place that is read.
  struct Place: Equatable {
    let sample: Int
    /// The position whose state is read; nil for the mean over the sample's own.
    let position: Int?
    /// The right answer.
    var target: Int
  }

  private(set) var places: [Place]
  /// Positions of each sample that are its own.
  let lengths: [Int]
  /// What the right answer is, in words.
  let words: String
  /// Whether the right answers are those of the network itself, as the data has none.
  let areOwnAnswers: Bool

  /// - Parameter answer: the network's own answer at a place, for data without labels.
  init(
    _ run: RunContent, _ answers: NetworkHead.Answers, samples: Int, positions: Int, outputs: Int
  ) throws {
    let reader = run.reader
    let lengths = run.lengths(positions: positions)
    self.lengths = (0..<samples).map { lengths?[$0] ?? positions }
    let own = self.lengths
    var isUnlabelled = false
    switch answers {
    case .next, .own:
      guard reader.contains(Layout.Samples.token) else {
        throw ArchiveError(.layout, "\(reader.path): expected the samples' tokens, found none")
      }
      let hasTargets = answers == .next && reader.contains(Layout.Samples.target)
      let tokens: NDArray<Int32> = try reader.read(
        hasTargets ? Layout.Samples.target : Layout.Samples.token)
      let shift = answers == .next && !hasTargets ? 1 : 0
      words = answers == .next ? "the next token" : "the token at the position itself"
      places = (0..<samples).flatMap { sample in
        (0..<max(0, min(own[sample], tokens.shape[1]) - shift)).compactMap { position in
          let target = Int(tokens[sample, position + shift])
          // The end of a text has no next token.
          return target >= 0 && target < outputs
            ? Place(sample: sample, position: position, target: target) : nil
        }
      }
    case .classFromFirst, .classFromMean:
      isUnlabelled = !reader.contains(Layout.Samples.label)
      let labels =
        isUnlabelled
        ? [Int32](repeating: 0, count: samples)
        : try reader.read(Layout.Samples.label, as: Int32.self).elements
      words = isUnlabelled ? "the class that the network itself gives" : "the sample's class"
      places = (0..<samples).map {
        Place(
          sample: $0, position: answers == .classFromFirst ? 0 : nil, target: Int(labels[$0]))
      }
      if let wrong = places.first(where: { !(0..<outputs).contains($0.target) }) {
        throw ArchiveError(
          .layout,
          "\(reader.path): expected classes from 0 to \(outputs - 1), found \(wrong.target)")
      }
    }
    areOwnAnswers = isUnlabelled
    guard !places.isEmpty else {
      throw ArchiveError(.layout, "\(reader.path): no sample has a token to be predicted")
    }
  }

  /// Puts the network's own answers in place of those that the data does not have.
  mutating func answer(_ own: [Int]) {
    for (index, answer) in own.enumerated() { places[index].target = answer }
  }

  /// The targets dealt anew among the places.
  func shuffled(seed: UInt64) -> [Int] {
    var random = Philox(seed: seed, purpose: .noise, index: 0x1e45)
    return random.permutation(places.count).map { places[$0].target }
  }
}
