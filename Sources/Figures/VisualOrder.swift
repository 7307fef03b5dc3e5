/// The order in which the characters of a line are drawn from left to right.
///
/// The part of the Unicode bidirectional algorithm (UAX 9) that titles need: the line runs from left to right, runs of Hebrew and Arabic
/// letters with the spaces and punctuation between them are reversed, numbers within them are not. Without its embeddings, and Arabic
/// letters are not joined: the figure's caption says so.
public enum VisualOrder {
  /// `text` in the order of drawing.
  public static func of(_ text: String) -> String {
    let characters = Array(text)
    guard characters.contains(where: isRightToLeft) else { return text }
    var out: [Character] = []
    var index = 0
    while index < characters.count {
      guard isRightToLeft(characters[index]) else {
        out.append(characters[index])
        index += 1
        continue
      }
      // As far as the last letter that runs to the left, with everything in between that has no direction of its own.
      var end = index
      var place = index
      while place < characters.count, !isLeftToRight(characters[place]) {
        if isRightToLeft(characters[place]) { end = place }
        place += 1
      }
      out += reversed(Array(characters[index...end]))
      index = end + 1
    }
    return String(out)
  }

  /// Whether a text has letters that would have to be joined.
  public static func isUnjoined(_ text: String) -> Bool {
    text.unicodeScalars.contains { (0x0600...0x07BF).contains($0.value) }
  }

  private static func reversed(_ run: [Character]) -> [Character] {
    var out: [Character] = []
    var index = run.count
    while index > 0 {
      var start = index - 1
      while run[start].isNumber, start > 0, run[start - 1].isNumber { start -= 1 }
      out += run[start..<index]
      index = start
    }
    return out
  }

  private static func isRightToLeft(_ character: Character) -> Bool {
    guard let value = character.unicodeScalars.first?.value else { return false }
    return (0x0590...0x08FF).contains(value) || (0xFB1D...0xFDFF).contains(value)
      || (0xFE70...0xFEFF).contains(value)
  }

  private static func isLeftToRight(_ character: Character) -> Bool {
    character.isLetter && !isRightToLeft(character)
  }
}
