/// Which of the names that are there was meant.
public enum NameDistance {
  /// The name with the fewest insertions, deletions and replacements of bytes; nil when there is none. Of more than 2,000
  /// names only those of about the same length are compared.
  public static func nearest(to name: String, among names: [String]) -> String? {
    let near =
      names.count <= 2000
      ? names : names.filter { abs($0.utf8.count - name.utf8.count) <= 4 }
    return (near.isEmpty ? names : near).prefix(2000).map { ($0, between(name, $0)) }
      .min { $0.1 < $1.1 }?.0
  }

  /// The nearest name where it is near enough to have been meant: at most a third of the letters, or two, differ.
  public static func meant(by name: String, among names: [String]) -> String? {
    guard let nearest = nearest(to: name, among: names) else { return nil }
    return between(name, nearest) <= max(2, name.utf8.count / 3) ? nearest : nil
  }

  /// Levenshtein's distance of the first 200 bytes.
  public static func between(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first.utf8.prefix(200)), Array(second.utf8.prefix(200)))
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}
