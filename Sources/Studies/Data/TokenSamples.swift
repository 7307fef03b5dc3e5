import Archive
import Console
import Corpora
import Foundation
import Kernels
import Transformer

/// Text as samples of tokens: a passage each with its class, or stretches of a split's text with the next token as target.
struct TokenSamples: SampleSource {
  let tokenizer: any Tokenizer
  /// What follows each passage where passages are read one after the other.
  static let separator = "\n"
  /// Positions of a sample.
  let positions: Int
  /// Whether the next token is predicted, not the class.
  let predictsNext: Bool
  let trainIndices: [Int]
  let testIndices: [Int]
  let classNames: [String]
  let labels: [Int32]
  /// The passages, and the vocabulary where it is a file of its own.
  let sources: [Provenance.Source]
  /// What of the passages' file does not have the hash stored beside it.
  let warning: String?
  /// Tokens of sample `i`: `stream[starts[i] ..< ends[i]]`; for next-token prediction the token after is a target.
  private let stream: [Int32]
  private let starts: [Int]
  private let ends: [Int]
  /// Passages cut because they had more tokens than positions.
  let cutCount: Int

  init(_ set: PassageSet, _ text: StudyConfiguration.Text) throws {
    tokenizer = try Self.tokenizer(set, text)
    (positions, predictsNext) = (text.tokens, text.task == .next)
    (warning, classNames) = (set.warning, set.classNames)
    sources = [set.source] + ((tokenizer as? WordPieceTokenizer)?.source.map { [$0] } ?? [])
    var builder = Builder(positions: text.tokens, blank: tokenizer.blank)
    if text.task == .label {
      for (index, passage) in set.texts.enumerated() {
        builder.addPassage(tokenizer.encode(passage), set.labels[index])
      }
      (trainIndices, testIndices) = (set.trainIndices, set.testIndices)
    } else {
      trainIndices = builder.addStretches(set, set.trainIndices, tokenizer)
      testIndices = builder.addStretches(set, set.testIndices, tokenizer)
      guard !trainIndices.isEmpty, !testIndices.isEmpty else {
        throw UsageError(
          "data.tokens: a split has fewer than \(text.tokens) tokens; choose a smaller number")
      }
    }
    (stream, starts, ends, labels) = (builder.stream, builder.starts, builder.ends, builder.labels)
    cutCount = builder.cutCount
  }

  private static func tokenizer(
    _ set: PassageSet, _ text: StudyConfiguration.Text
  ) throws -> any Tokenizer {
    switch text.tokenizer {
    case .bytes: return BytePairTokenizer()
    case .wordpiece:
      let path = DataLocation.resolve(text.vocabularyFile)
      do {
        return try WordPieceTokenizer(vocabulary: path)
      } catch let error as VocabularyError {
        throw UsageError("data.vocabulary_file: \(path): \(error)")
      } catch {
        throw UsageError("data.vocabulary_file: cannot read \(path); check the path")
      }
    case .bpe:
      if let stored = set.tokenizer {
        guard stored.vocabularySize == text.vocabulary else {
          throw UsageError(
            "data.vocabulary: the data file's tokenizer has \(stored.vocabularySize) tokens, found "
              + "\(text.vocabulary); set it so, or make another file with isotherm tokenize")
        }
        return stored
      }
      return BytePairTokenizer(
        training: set.trainIndices.lazy.map { set.texts[$0] }, vocabularySize: text.vocabulary)
    }
  }

  private struct Builder {
    let positions: Int, blank: Int32
    var stream: [Int32] = []
    var starts: [Int] = []
    var ends: [Int] = []
    var labels: [Int32] = []
    var cutCount = 0

    mutating func addPassage(_ tokens: [Int32], _ label: Int32) {
      starts.append(stream.count)
      stream += tokens.prefix(positions)
      // A sample has at least one position.
      if tokens.isEmpty { stream.append(blank) }
      ends.append(stream.count)
      labels.append(label)
      if tokens.count > positions { cutCount += 1 }
    }

    /// Passages of a split one after the other, a line break between two, cut into stretches that overlap by one token.
    mutating func addStretches(
      _ set: PassageSet, _ indices: [Int], _ tokenizer: any Tokenizer
    ) -> [Int] {
      let begin = stream.count
      var passageStarts: [Int] = []
      for index in indices {
        passageStarts.append(stream.count)
        stream += tokenizer.encode(set.texts[index] + TokenSamples.separator)
      }
      let first = starts.count
      var passage = 0
      for start in stride(from: begin, to: max(begin, stream.count - positions), by: positions) {
        while passage + 1 < passageStarts.count, passageStarts[passage + 1] <= start {
          passage += 1
        }
        starts.append(start)
        ends.append(start + positions)
        labels.append(set.labels[indices[passage]])
      }
      return Array(first..<starts.count)
    }
  }

  /// Bytes of the tokens and of what says where samples lie.
  var byteCount: Int { 4 * stream.count + 20 * starts.count }
  var vocabularySize: Int { tokenizer.vocabularySize }
  var count: Int { starts.count }

  func write(_ index: Int, to slot: SampleSlot<Float>) {
    let (start, length) = (starts[index], ends[index] - starts[index])
    slot.fill(length)
    for i in 0..<positions { slot.tokens[i] = i < length ? stream[start + i] : 0 }
    if predictsNext {
      for i in 0..<positions { slot.targets[i] = stream[start + i + 1] }
    } else {
      slot.targets[0] = labels[index]
    }
  }

  func targetCount(_ index: Int) -> Int { predictsNext ? positions : 1 }

  /// The token that follows each position of a sample.
  func nextTokens(_ index: Int) -> [Int32] { Array(stream[starts[index] + 1...ends[index]]) }

  /// Tokens of a sample, padded with 0, and how many are its own.
  func tokens(_ index: Int) -> (padded: [Int32], length: Int) {
    let own = Array(stream[starts[index]..<ends[index]])
    return (own + Array(repeating: 0, count: positions - own.count), own.count)
  }

  /// The text of a sample's tokens.
  func text(_ index: Int) -> String {
    tokenizer.decode(Array(stream[starts[index]..<ends[index]]))
  }

  /// Characters of the tokens that samples predict.
  func predictedCharacters(_ indices: [Int]) -> Int {
    indices.reduce(0) { sum, index in
      tokenizer.decode(Array(stream[starts[index] + 1...ends[index]])).count + sum
    }
  }

  /// All tokens that samples read or predict, in order; for n-gram baselines.
  func contiguous(_ indices: [Int]) -> [Int32] {
    guard let first = indices.first, let last = indices.last else { return [] }
    return Array(stream[starts[first]...ends[last]])
  }
}
