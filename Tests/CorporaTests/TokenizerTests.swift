import Corpora
import Foundation
import Testing

@Suite struct TokenizerTests {
  private let texts = [
    "It is a truth universally acknowledged, that a single man in possession of a good fortune",
    "must be in want of a wife. However little known the feelings of such a man may be",
    "the the the truth, 1813  and café — naïve",
  ]

  @Test func `any text comes back to the byte`() {
    let tokenizer = BytePairTokenizer(training: texts, vocabularySize: 280)
    #expect(tokenizer.vocabularySize == 280)
    for text in texts + ["", " ", "\n\n a  b", "日本語 🙂", "x\u{0}y", "don't 12ab"] {
      let tokens = tokenizer.encode(text)
      #expect(tokenizer.decode(tokens) == text)
      #expect(tokens.reduce(0) { $0 + tokenizer.byteCount($1) } == text.utf8.count)
    }
  }

  @Test func `merges join the most frequent pair first, and the same text gives the same merges`() {
    // "ab" occurs five times, "abc" three; then " ab" and so on.
    let tokenizer = BytePairTokenizer(training: ["ab ab abc abc abc"], vocabularySize: 258)
    #expect(tokenizer.merges[0] == (97, 98))
    #expect(tokenizer.encode("ab") == [256])
    let again = BytePairTokenizer(training: texts, vocabularySize: 290)
    let first = BytePairTokenizer(training: texts, vocabularySize: 290)
    #expect(again.merges.map { [$0.0, $0.1] } == first.merges.map { [$0.0, $0.1] })
  }

  @Test func `training that keeps counts agrees with counting anew for every merge`() {
    let tokenizer = BytePairTokenizer(training: texts, vocabularySize: 320)
    var words = texts.flatMap { Self.words($0) }
    for (index, merge) in tokenizer.merges.enumerated() {
      var counts: [[Int32]: Int] = [:]
      for word in words where word.count > 1 {
        for i in 0..<word.count - 1 { counts[[word[i], word[i + 1]], default: 0] += 1 }
      }
      let top = counts.values.max() ?? 0
      let best = counts.filter { $0.value == top }.keys.min { ($0[0], $0[1]) < ($1[0], $1[1]) }
      #expect(best == [merge.0, merge.1], "merge \(index)")
      words = words.map { Self.join($0, merge, Int32(256 + index)) }
    }
  }

  /// The cuts, as a regular expression says them.
  private static func words(_ text: String) -> [[Int32]] {
    let letters = "[A-Za-z\\x80-\\x{10FFFF}]+"
    let pattern = " ?\(letters)| ?[0-9]+| ?[^\\sA-Za-z0-9\\x80-\\x{10FFFF}]+|\\s+(?= \\S)|\\s+"
    guard let expression = try? NSRegularExpression(pattern: pattern) else { return [] }
    let whole = NSRange(text.startIndex..., in: text)
    return expression.matches(in: text, range: whole).compactMap { match in
      Range(match.range, in: text).map { text[$0].utf8.map { Int32($0) } }
    }
  }

  private static func join(_ word: [Int32], _ pair: (Int32, Int32), _ token: Int32) -> [Int32] {
    var result: [Int32] = []
    for next in word {
      if let last = result.last, last == pair.0, next == pair.1 {
        result[result.count - 1] = token
      } else {
        result.append(next)
      }
    }
    return result
  }

  @Test func `impossible merges are refused`() {
    #expect(BytePairTokenizer(merges: [(97, 300)]) == nil)
    #expect(BytePairTokenizer(merges: [(-1, 97)]) == nil)
  }

  @Test func `WordPiece agrees with Hugging Face's tokenizers`() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    struct Vectors: Decodable {
      struct Case: Decodable {
        var text: String
        var tokens: [Int32]
      }
      var vocabulary: [String]
      var cases: [Case]
    }
    let vectors = try JSONDecoder().decode(
      Vectors.self, from: Data(contentsOf: folder.appendingPathComponent("wordpiece-vectors.json")))
    let tokenizer = try WordPieceTokenizer(pieces: vectors.vocabulary)
    #expect(vectors.cases.count > 20)
    for entry in vectors.cases {
      #expect(tokenizer.encode(entry.text) == entry.tokens, "\(entry.text)")
    }
  }

  @Test func `a vocabulary without an unknown piece is refused`() {
    #expect(throws: VocabularyError.self) { try WordPieceTokenizer(pieces: ["a", "##b"]) }
  }

  @Test func `n-gram probabilities sum to 1 and know what was seen`() {
    let stream: [Int32] = [0, 1, 2, 0, 1, 3, 0, 1, 2, 0, 2, 1, 0, 1, 2]
    let model = NGramModel(order: 3, vocabulary: 5, training: stream)
    for context in [[0, 1], [2, 0], [4, 4], [1], []] as [[Int32]] {
      let sum = (0..<5).reduce(0.0) { $0 + model.probability(Int32($1), after: context[...]) }
      #expect(abs(sum - 1) < 1e-12, "\(context)")
    }
    #expect(model.probability(2, after: [0, 1]) > model.probability(4, after: [0, 1]))
    #expect(model.probability(4, after: [0, 1]) > 0)
  }

  @Test func `a higher order predicts English better, on text it has not seen`() throws {
    let set = try PassageSet(ImageSetTests.root + "/data/austen-small.h5")
    let tokenizer = BytePairTokenizer()
    let train = set.trainIndices.prefix(400).flatMap { tokenizer.encode(set.texts[$0]) }
    let test = set.testIndices.prefix(40).flatMap { tokenizer.encode(set.texts[$0]) }
    let bits = [1, 2, 3, 5].map { order in
      NGramModel(order: order, vocabulary: 256, training: train).crossEntropy(test)
        / Double(test.count) / log(2)
    }
    #expect(bits == bits.sorted(by: >), "\(bits)")
    #expect(bits[0] < 4.6 && bits[3] < 3)
  }
}
