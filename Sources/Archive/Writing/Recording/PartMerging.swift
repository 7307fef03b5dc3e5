/// Which parts of a long run are merged, and when: decided from their names alone.
///
/// Without merging the index would name ever more parts, and a commit cost ever more. Neighbours of one tier are
/// joined, sixteen at a time, as a log-structured store does: a row is copied once a tier, so log₁₆(commits) times in
/// all, and never more than about sixty parts a tier and side are left. Merging everything each time was rejected:
/// its copies grow with the square of the run.
///
/// Copying is worth it where an index costs more than the copies: small parts are merged when there are more than ``limit``,
/// large ones only beyond ``largeLimit``. So a run whose checkpoints are megabytes is written to disk twice, once in parts
/// and once sealed.
///
/// A merged part never reaches over the last commit that holds a row of the anchor, because resuming gives up what lies
/// after that commit, and a part is kept or given up whole.
package struct PartMerging: Sendable {
  /// Parts beyond which merging begins.
  package let limit: Int
  /// Neighbours joined into one, a quarter of the limit.
  package let fan: Int

  package init(limit: Int) { (self.limit, fan) = (limit, max(2, limit / 4)) }

  /// Parts beyond which neighbours are joined however large they are.
  package var largeLimit: Int { 2 * limit }

  /// Bytes up to which neighbours are joined as soon as there are more parts than ``limit``.
  private static let smallByteCount = 64 << 20

  /// Neighbours to join now; nil when there are few enough parts. `anchor` is the last commit that must stay the end
  /// of its part.
  package func next(
    _ parts: [PartName], anchor: Int?, byteCount: (PartName) -> Int = { _ in 0 }
  ) -> Range<Int>? {
    guard parts.count > limit else { return nil }
    let border = anchor.flatMap { anchor in parts.firstIndex { $0.first > anchor } } ?? parts.count
    let sides = [0..<border, border..<parts.count].filter { $0.count >= fan }
    let windows = sides.flatMap { side in
      (side.lowerBound...side.upperBound - fan).map { $0..<$0 + fan }
    }
    // A window that mixes tiers copies large parts for the sake of small ones: it counts as of its highest. The oldest
    // of the lowest tier is taken; taking the one with the fewest commits was rejected: it adds fifteen commits to the
    // same growing part again and again.
    let lowest = windows.min { highestTier(parts[$0]) < highestTier(parts[$1]) }
    guard parts.count <= largeLimit, let window = lowest else { return lowest }
    let bytes = parts[window].reduce(0) { $0 + byteCount($1) }
    return bytes <= Self.smallByteCount ? window : nil
  }

  private func highestTier(_ window: ArraySlice<PartName>) -> Int {
    window.map { tier($0) }.max() ?? 0
  }

  private func tier(_ part: PartName) -> Int {
    var (tier, size) = (0, 1)
    while size < part.commitCount {
      size *= fan
      tier += 1
    }
    return tier
  }
}
