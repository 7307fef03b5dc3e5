import Foundation

/// Pairs that stand in the data more than once, beyond what rounding and classes explain: copied files, appended runs,
/// samples drawn with replacement.
///
/// Copies have distance 0 in both sides, which nearest neighbours take for information: 200 independent pairs stored ten
/// times give 4.6 nats.
struct DuplicateCheck: Sendable {
  /// Samples whose pair stands in the data again.
  let twins: Int
  /// Number of different pairs.
  let distinct: Int

  /// What stands in the samples twice; nil when nothing does that chance does not explain.
  static func find(_ pairs: PairedSamples) -> DuplicateCheck? {
    guard pairs.count >= 16, !pairs.isConstant else { return nil }
    let (x, y) = (Levels(pairs.x), Levels(pairs.y))
    let joint = DiscreteInformation.joint(x, y)
    let twins = joint.values.reduce(0) { $1 > 1 ? $0 + $1 : $0 }
    guard twins > pairs.count / 100 else { return nil }
    let found = DuplicateCheck(twins: twins, distinct: joint.count)
    let areClasses = x.areLabels && y.areLabels && max(x.count, y.count) <= 20
    if isMultiple(Array(joint.values), areClasses) { return found }
    if x.areLabels, y.areLabels {
      let isOneToOne = joint.count == x.count && joint.count == y.count
      return isOneToOne && joint.count >= 5 && !x.areEvenlySpaced && !y.areEvenlySpaced
        ? found : nil
    }
    let areRounded = [x, y].allSatisfy { levels in
      levels.values.count > 1
        && levels.counts.reduce(0) { $1 > 1 ? $0 + $1 : $0 } > pairs.count / 2
    }
    if areRounded, pairs.x.dimension == 1, pairs.y.dimension == 1, x.areEvenlySpaced || x.areLabels,
      y.areEvenlySpaced || y.areLabels
    {
      return isCrowded(joint, x, y, pairs.count) ? found : nil
    }
    // A value that repeats on one side goes with different values of the other, unless the pair was copied.
    func ties(_ counts: some Sequence<Int>) -> Double {
      counts.reduce(0) { $0 + Double($1) * Double($1 - 1) }
    }
    let least = min(ties(x.counts), ties(y.counts))
    return ties(joint.values) >= 0.5 * least ? found : nil
  }

  /// Whether all pairs stand in the data a multiple of times. Of classes equal numbers may be a design, other multiples
  /// are not.
  private static func isMultiple(_ counts: [Int], _ areClasses: Bool) -> Bool {
    var common = 0
    for count in counts {
      var (a, b) = (common, count)
      while b > 0 { (a, b) = (b, a % b) }
      common = a
      if common == 1 { return false }
    }
    return areClasses
      ? counts.count >= 20 && Set(counts).count > 2 : common > 1 && counts.count >= 5
  }

  /// Of rounded values, whether pairs meet in a cell far more often than in the cells beside it, which a density does not
  /// do. Cells of a value that holds a twentieth of all samples are left out: it may be an atom, as zeros of rain are.
  private static func isCrowded(
    _ joint: [UInt64: Int], _ x: Levels, _ y: Levels, _ count: Int
  ) -> Bool {
    var own = 0.0
    var beside = [Double](repeating: 0, count: 8)
    let steps = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    for (key, size) in joint {
      let (a, b) = (Int(key >> 32), Int(key & 0xFFFF_FFFF))
      guard x.counts[a] * 20 < count, y.counts[b] * 20 < count else { continue }
      own += Double(size) * Double(size - 1)
      for (place, (da, db)) in steps.enumerated() where a + da >= 0 && b + db >= 0 {
        let key = UInt64(a + da) << 32 | UInt64(b + db)
        if let other = joint[key] { beside[place] += Double(size) * Double(other) }
      }
    }
    let expected = beside.max() ?? 0
    return own > 2 * expected + 5 * expected.squareRoot() + 0.02 * Double(count)
  }
}
