import Archive
import Foundation

/// WordPiece as BERT's uncased models use it (Devlin et al. 2019): lower case without accents, cut at white space and
/// punctuation, then the longest pieces of a given vocabulary from left to right; pieces inside a word start with `##`.
/// A word with no such pieces becomes the unknown token. No `[CLS]` or `[SEP]` is added.
public struct WordPieceTokenizer: Tokenizer {
  /// The vocabulary, in the order of token numbers.
  public let pieces: [String]
  /// The file it was read from as a source of provenance, by sha256 of its bytes; nil when it was given otherwise.
  public let source: Provenance.Source?
  private let places: [String: Int32]
  private let unknown: Int32
  /// Words longer than this are unknown, as in the original.
  public static let longestWord = 100

  /// A vocabulary, one piece a line of `path`, in the order of token numbers.
  /// - Throws: when it cannot be read, is no UTF-8, or lacks `[UNK]`. Lines may end as on Windows.
  public init(vocabulary path: String) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    // By bytes: in a Swift string «\r\n» is one character, and no line would end.
    var lines = try bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
      let piece = line.last == 0x0D ? line.dropLast() : line
      guard let text = String(validating: piece, as: UTF8.self) else {
        throw VocabularyError(description: "it is no UTF-8 text; convert it first")
      }
      return text
    }
    if lines.last == "" { lines.removeLast() }
    try self.init(pieces: lines, source: Self.source(path, bytes))
  }

  /// The file `path` as a source of provenance.
  /// - Throws: when it cannot be read.
  public static func source(of path: String) throws -> Provenance.Source {
    source(path, [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
  }

  private static func source(_ path: String, _ bytes: [UInt8]) -> Provenance.Source {
    Provenance.Source(
      path: path, runID: "", sha256: LogicalHash.sha256(bytes), noun: "vocabulary")
  }

  /// A vocabulary in the order of token numbers.
  /// - Throws: ``VocabularyError`` when `[UNK]` is missing.
  public init(pieces: [String]) throws { try self.init(pieces: pieces, source: nil) }

  private init(pieces: [String], source: Provenance.Source?) throws {
    (self.pieces, self.source) = (pieces, source)
    places = Dictionary(
      pieces.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    guard let unknown = places["[UNK]"] else {
      throw VocabularyError(
        description: "the vocabulary has no [UNK] among its \(pieces.count) lines; "
          + "is it a WordPiece vocabulary, one piece a line?")
    }
    self.unknown = unknown
  }

  /// Number of different tokens.
  public var vocabularySize: Int { pieces.count }

  /// The unknown token.
  public var blank: Int32 { unknown }

  /// Tokens of a text.
  public func encode(_ text: String) -> [Int32] { Self.words(text).flatMap { split($0) } }

  private func split(_ word: [Unicode.Scalar]) -> [Int32] {
    guard word.count <= Self.longestWord else { return [unknown] }
    var tokens: [Int32] = []
    var start = 0
    while start < word.count {
      var end = word.count
      var found: Int32?
      while end > start, found == nil {
        var piece = start > 0 ? "##" : ""
        piece.unicodeScalars.append(contentsOf: word[start..<end])
        found = places[piece]
        if found == nil { end -= 1 }
      }
      guard let found else { return [unknown] }
      tokens.append(found)
      start = end
    }
    return tokens
  }

  /// Words: lower case, without accents and control characters, punctuation and CJK characters alone.
  static func words(_ text: String) -> [[Unicode.Scalar]] {
    var words: [[Unicode.Scalar]] = []
    var word: [Unicode.Scalar] = []
    func close() {
      if !word.isEmpty { words.append(word) }
      word = []
    }
    for scalar in text.lowercased().decomposedStringWithCanonicalMapping.unicodeScalars {
      let category = scalar.properties.generalCategory
      if category == .nonspacingMark || scalar.value == 0 || scalar.value == 0xFFFD { continue }
      if scalar.properties.isWhitespace {
        close()
      } else if category == .control || category == .format {
        continue
      } else if isMark(scalar, category) || isIdeograph(scalar) {
        close()
        words.append([scalar])
      } else {
        word.append(scalar)
      }
    }
    close()
    return words
  }

  /// ASCII characters that are words of their own.
  public static let marks: [ClosedRange<UInt32>] = [33...47, 58...64, 91...96, 123...126]
  /// Characters of Chinese, Japanese and Korean that are words of their own.
  public static let ideographs: [ClosedRange<UInt32>] = [
    0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2CEAF, 0xF900...0xFAFF,
    0x2F800...0x2FA1F,
  ]

  /// Punctuation, and every ASCII character that is neither letter, digit nor space.
  private static func isMark(
    _ scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory
  ) -> Bool {
    if marks.contains(where: { $0.contains(scalar.value) }) { return true }
    switch category {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }

  private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
    ideographs.contains { $0.contains(scalar.value) }
  }

  /// Pieces with spaces between words.
  public func decode(_ tokens: [Int32]) -> String {
    var text = ""
    for token in tokens {
      let piece = pieces[Int(token)]
      if piece.hasPrefix("##") {
        text += piece.dropFirst(2)
      } else {
        text += (text.isEmpty ? "" : " ") + piece
      }
    }
    return text
  }

  /// Bytes of a piece, its `##` not counted, a space before each word counted.
  public func byteCount(_ token: Int32) -> Int {
    let piece = pieces[Int(token)]
    return piece.hasPrefix("##") ? piece.utf8.count - 2 : piece.utf8.count + 1
  }
}

/// A vocabulary that cannot be used.
public struct VocabularyError: Error, CustomStringConvertible {
  /// What is wrong with it.
  public let description: String
}
