/// A pattern over names of arrays: `{layer}`, `{depth}` and `{checkpoint}` stand for whole numbers, `*` for anything.
struct NamePattern: Sendable {
  /// A number that stands in a name.
  enum Placeholder: String, Sendable, CaseIterable { case layer, depth, checkpoint }

  private enum Piece: Sendable {
    case letter(Character)
    case number(Placeholder)
    case anything
  }

  /// The pattern as it was written.
  let text: String
  private let pieces: [Piece]

  /// - Throws: ``Problem`` for braces around anything else than a placeholder, or one that stands there twice.
  init(_ text: String) throws {
    self.text = text
    var (pieces, rest, known): ([Piece], Substring, Set<Placeholder>) = ([], text[...], [])
    while let first = rest.first {
      if first == "{", let end = rest.firstIndex(of: "}") {
        let name = String(rest[rest.index(after: rest.startIndex)..<end])
        guard let placeholder = Placeholder(rawValue: name), known.insert(placeholder).inserted
        else { throw Problem(name: name) }
        pieces.append(.number(placeholder))
        rest = rest[rest.index(after: end)...]
      } else {
        pieces.append(first == "*" ? .anything : .letter(first))
        rest = rest.dropFirst()
      }
    }
    self.pieces = pieces
  }

  /// A placeholder that is none.
  struct Problem: Error { let name: String }

  /// The numbers in a name; nil when it does not match.
  func numbers(in name: String) -> [Placeholder: Int]? {
    match(Array(name), 0, 0, [:])
  }

  private func match(
    _ name: [Character], _ place: Int, _ piece: Int, _ found: [Placeholder: Int]
  ) -> [Placeholder: Int]? {
    guard piece < pieces.count else { return place == name.count ? found : nil }
    switch pieces[piece] {
    case .letter(let letter):
      guard place < name.count, name[place] == letter else { return nil }
      return match(name, place + 1, piece + 1, found)
    case .anything:
      for end in place...name.count {
        if let all = match(name, end, piece + 1, found) { return all }
      }
      return nil
    case .number(let placeholder):
      // All the digits, so that 12 is never 1 with something behind it.
      var end = place
      while end < name.count, end < place + 9, name[end].isASCII, name[end].isWholeNumber {
        end += 1
      }
      guard end > place, let number = Int(String(name[place..<end])) else { return nil }
      return match(name, end, piece + 1, found.merging([placeholder: number]) { $1 })
    }
  }
}
