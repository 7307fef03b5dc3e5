extension String {
  /// Whether the text has this form, `*` standing for anything, also nothing. Byte by byte: a slash before a combining
  /// mark is still a slash.
  package func matches(pattern: String) -> Bool {
    let star = UInt8(ascii: "*")
    let text = Array(utf8)
    let parts = pattern.utf8.split(separator: star, omittingEmptySubsequences: false).map(
      Array.init)
    guard let first = parts.first, let last = parts.last else { return text.isEmpty }
    guard parts.count > 1 else { return text == first }
    guard text.starts(with: first), text.count >= first.count + last.count else { return false }
    var rest = text[first.count..<(text.count - last.count)]
    guard text[rest.endIndex...].elementsEqual(last) else { return false }
    for part in parts.dropFirst().dropLast() where !part.isEmpty {
      guard let found = rest.firstRange(of: part) else { return false }
      rest = rest[found.upperBound...]
    }
    return true
  }
}

extension ArchiveRewriter.Options {
  /// Whether an object is kept.
  func includes(_ path: String) -> Bool {
    selection.isEmpty || selection.contains { path.matches(pattern: $0) }
  }
}
