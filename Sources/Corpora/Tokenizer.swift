/// Turns text into tokens, whole numbers below ``vocabularySize``, and tokens back into text.
public protocol Tokenizer: Sendable {
  /// Number of different tokens.
  var vocabularySize: Int { get }
  /// The token that stands for a text without any.
  var blank: Int32 { get }
  /// Tokens of a text.
  func encode(_ text: String) -> [Int32]
  /// The text that tokens stand for; what a tokenizer loses (case, spacing) stays lost.
  func decode(_ tokens: [Int32]) -> String
  /// Bytes of UTF-8 a token stands for; what «bits per character» are counted over for plain English.
  func byteCount(_ token: Int32) -> Int
}
