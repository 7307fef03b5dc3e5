/// Byte-level byte-pair encoding (Sennrich et al. 2016, on bytes as in Radford et al. 2019): tokens 0 to 255 are bytes, and
/// each further token joins two earlier ones. Any text can be encoded, and decoding gives it back to the byte.
///
/// Text is first cut into words, a word with the space before it, and no token reaches over a cut: runs of letters, runs of
/// digits, runs of other marks, and white space. Not the cuts of GPT-2: contractions are not split off, and «letter» is any
/// ASCII letter or byte above 127.
public struct BytePairTokenizer: Tokenizer {
  /// The two tokens that token 256 + i joins.
  public let merges: [(Int32, Int32)]
  private let ranks: [UInt64: Int32]
  private let bytes: [[UInt8]]

  /// The tokenizer of these merges; nil when one names a token that does not exist before it.
  public init?(merges: [(Int32, Int32)]) {
    var bytes = (0..<256).map { [UInt8($0)] }
    var ranks: [UInt64: Int32] = [:]
    for (left, right) in merges {
      guard left >= 0, right >= 0, left < bytes.count, right < bytes.count else { return nil }
      ranks[Self.key(left, right)] = Int32(bytes.count)
      bytes.append(bytes[Int(left)] + bytes[Int(right)])
    }
    (self.merges, self.ranks, self.bytes) = (merges, ranks, bytes)
  }

  /// Learns merges until there are `vocabularySize` tokens, or no pair occurs twice: each joins the pair that is most
  /// frequent within words, and of equals the one with the smallest tokens.
  public init(training texts: some Sequence<String>, vocabularySize: Int) {
    precondition(vocabularySize >= 256, "the bytes are tokens already")
    var training = BytePairTraining(texts)
    var merges: [(Int32, Int32)] = []
    while merges.count < vocabularySize - 256, let pair = training.mostFrequent() {
      training.join(pair, as: Int32(256 + merges.count))
      merges.append(pair)
    }
    // Each merge names earlier tokens by construction; without merges the bytes alone remain.
    self = BytePairTokenizer(merges: merges) ?? BytePairTokenizer()
  }

  /// Bytes alone.
  public init() {
    (merges, ranks, bytes) = ([], [:], (0..<256).map { [UInt8($0)] })
  }

  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Number of different tokens.
  public var vocabularySize: Int { bytes.count }

  /// A space.
  public var blank: Int32 { 32 }

  /// Tokens of a text.
  public func encode(_ text: String) -> [Int32] {
    var tokens: [Int32] = []
    var known: [ArraySlice<UInt8>: [Int32]] = [:]
    for word in Self.words(Array(text.utf8)) {
      let encoded = known[word] ?? join(word)
      known[word] = encoded
      tokens += encoded
    }
    return tokens
  }

  /// Applies the earliest merge again and again, as training did.
  private func join(_ word: ArraySlice<UInt8>) -> [Int32] {
    var tokens = word.map { Int32($0) }
    while tokens.count > 1 {
      var best: (token: Int32, place: Int)?
      for i in 0..<tokens.count - 1 {
        guard let token = ranks[Self.key(tokens[i], tokens[i + 1])] else { continue }
        if best.map({ token < $0.token }) ?? true { best = (token, i) }
      }
      guard let best else { break }
      tokens.replaceSubrange(best.place...best.place + 1, with: [best.token])
    }
    return tokens
  }

  /// The text that tokens stand for; bytes that are not UTF-8 become U+FFFD.
  public func decode(_ tokens: [Int32]) -> String {
    String(decoding: tokens.flatMap { bytes[Int($0)] }, as: UTF8.self)
  }

  /// Bytes a token stands for.
  public func byteCount(_ token: Int32) -> Int { bytes[Int(token)].count }

  /// The kinds of bytes that words are cut by, with their ranges; every other byte is a mark.
  public static let kinds: [(name: String, ranges: [ClosedRange<UInt8>])] = [
    ("letter", [0x41...0x5A, 0x61...0x7A, 0x80...0xFF]), ("digit", [0x30...0x39]),
    ("white", [0x20...0x20, 0x09...0x0D]),
  ]
  private static let white = 2
  private static let kindOfByte: [Int] = (0...255).map { byte in
    kinds.firstIndex { $0.ranges.contains { $0.contains(UInt8(byte)) } } ?? kinds.count
  }

  /// Cuts bytes into words.
  static func words(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    let (kinds, white) = (kindOfByte, white)
    func kind(_ byte: UInt8) -> Int { kinds[Int(byte)] }
    var words: [ArraySlice<UInt8>] = []
    var start = 0
    while start < text.count {
      var end = start + 1
      var current = kind(text[start])
      if text[start] == 0x20, end < text.count, kind(text[end]) != white {
        current = kind(text[end])
        end += 1
      }
      while end < text.count, kind(text[end]) == current {
        // The last space of a run goes to the word after it.
        if current == white, end + 1 < text.count, text[end] == 0x20,
          kind(text[end + 1]) != white
        {
          break
        }
        end += 1
      }
      words.append(text[start..<end])
      start = end
    }
    return words
  }
}
