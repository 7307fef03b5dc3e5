/// Counts of neighbouring tokens within words, kept up to date while pairs are joined.
///
/// A join touches only the words that hold its pair, so that learning costs the text once and then the changes.
struct BytePairTraining {
  private struct Word {
    var tokens: [Int32]
    let count: Int
  }

  private var words: [Word]
  private var counts: [UInt64: Int] = [:]
  /// Words a pair has been seen in; some may no longer hold it.
  private var places: [UInt64: Set<Int32>] = [:]

  init(_ texts: some Sequence<String>) {
    var frequencies: [[UInt8]: Int] = [:]
    for text in texts {
      for word in BytePairTokenizer.words(Array(text.utf8)) {
        frequencies[Array(word), default: 0] += 1
      }
    }
    words = frequencies.map { Word(tokens: $0.key.map { Int32($0) }, count: $0.value) }
    for index in words.indices { count(index, sign: 1) }
  }

  private mutating func count(_ index: Int, sign: Int) {
    let word = words[index]
    for i in 0..<max(word.tokens.count - 1, 0) {
      let key = BytePairTokenizer.key(word.tokens[i], word.tokens[i + 1])
      counts[key, default: 0] += sign * word.count
      if sign > 0 { places[key, default: []].insert(Int32(index)) }
    }
  }

  /// The pair that occurs most often, at least twice; of equals the smallest.
  func mostFrequent() -> (Int32, Int32)? {
    var best: (key: UInt64, count: Int) = (.max, 1)
    for (key, count) in counts
    where count > best.count || (count == best.count && count > 1 && key < best.key) {
      best = (key, count)
    }
    guard best.count > 1 else { return nil }
    return (Int32(best.key >> 32), Int32(truncatingIfNeeded: best.key & 0xFFFF_FFFF))
  }

  /// Replaces `pair` by `token` everywhere.
  mutating func join(_ pair: (Int32, Int32), as token: Int32) {
    let key = BytePairTokenizer.key(pair.0, pair.1)
    for place in places[key] ?? [] {
      let index = Int(place)
      count(index, sign: -1)
      let old = words[index].tokens
      var new: [Int32] = []
      var i = 0
      while i < old.count {
        if i + 1 < old.count, old[i] == pair.0, old[i + 1] == pair.1 {
          new.append(token)
          i += 2
        } else {
          new.append(old[i])
          i += 1
        }
      }
      words[index].tokens = new
      count(index, sign: 1)
    }
    counts[key] = nil
    places[key] = nil
    counts = counts.count > 1 << 16 ? counts.filter { $0.value > 0 } : counts
  }
}
