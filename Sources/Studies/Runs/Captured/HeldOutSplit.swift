import Kernels

/// Which samples of a capture equations are fitted to, and which they are judged on: a quarter, at least one, drawn by a seed.
enum HeldOutSplit {
  /// Seed of what is drawn when an archive is made.
  static let seed: UInt64 = 1

  /// The rule in words.
  static func rule(seed: UInt64) -> String {
    "a quarter, at least one, the first of a random order of the samples by seed \(seed)"
  }

  /// 0 for samples that are fitted to, 1 for those that are held out; one sample alone is fitted to.
  static func draw(_ count: Int, seed: UInt64) -> [UInt8] {
    var split = [UInt8](repeating: 0, count: count)
    guard count > 1 else { return split }
    var random = Philox(seed: seed, purpose: .validation)
    for place in random.permutation(count).prefix(max(1, count / 4)) { split[place] = 1 }
    return split
  }
}
