import Foundation
import HDF5
import Synchronization

/// Makes commits durable, one after another, and merges old parts beside them.
///
/// A commit writes a part under a temporary name, fsyncs and renames it, and replaces `index.h5` the same way
/// (``DurableFile``); only then are its rows acknowledged, by an event. Commits that wait already share a part and an index, whose
/// cost grows with the parts it names. Parts, index and merges are confined to one queue by
/// their type; what the appending thread sees of them is ``progress``.
final class CommitLog: Sendable {
  /// What the queue alone touches.
  private struct Work {
    var index: PartIndex
    /// Last commit that holds a row of the anchor: no merged part reaches over it.
    var anchoredCommit: Int?
    var isMerging = false
    /// Indices written since the library gave memory back.
    var indexCount = 0
    /// Parts at which a commit waits for the merge under way.
    var mostParts = 0
    /// Parts on disk that `index.h5` does not name yet.
    var unpublished: [Part] = []
    /// Parts that were merged: kept until the next merge, for readers that opened the index before.
    var retired: [PartName] = []
  }

  /// A commit on its way.
  private struct Waiting {
    let part: Part
    let texts: [String: [String]]
    let ready: DispatchSemaphore
  }

  private struct FinishedMerge {
    let parts: [PartName]
    let result: Result<PartName?, any Error>
  }

  let progress = CommitProgress()
  private let place: RunPlace
  private let schema: RunSchema
  private let anchor: String?
  private let policy: PartMerging
  private let pool: MemoryPool
  /// Held as long as anything is written.
  let lock: FolderLock
  private let onEvent: @Sendable (Recorder.Event) -> Void
  private let streamPaths: Set<String>
  private let work: Confined<Work>
  private let merging = DispatchQueue(label: "recorder.merging")
  private let waiting = Mutex<[Waiting]>([])
  /// A merge that waits to be put into the index.
  private let finishedMerge = Mutex<FinishedMerge?>(nil)

  /// A log that goes on after the commits in `index`; `anchor` is the array whose last commit must stay the end of its part.
  init(
    _ index: PartIndex, _ lock: FolderLock, anchor: String?, anchoredCommit: Int?,
    limits: RecorderLimits, pool: MemoryPool, onEvent: @escaping @Sendable (Recorder.Event) -> Void
  ) {
    (place, schema, self.lock) = (index.place, index.schema, lock)
    (self.anchor, policy) = (anchor, PartMerging(limit: limits.partCount))
    (self.pool, self.onEvent) = (pool, onEvent)
    streamPaths = Set(index.schema.arrays.filter(\.isStream).map(\.path))
    work = Confined(
      "recorder.writing", Work(index: index, anchoredCommit: anchoredCommit))
  }

  // MARK: - Commits

  /// Commits `part`, and with it `texts`, once `ready` says that its blocks are filtered. Returns at once.
  func append(_ part: Part, _ texts: [String: [String]], after ready: DispatchSemaphore) {
    progress.beginCommit()
    waiting.withLock { $0.append(Waiting(part: part, texts: texts, ready: ready)) }
    work.async { [self] work in
      // An earlier turn may have taken it along.
      guard let first = waiting.withLock({ $0.first }) else { return }
      if first.ready.wait(timeout: .now()) == .timedOut {
        // Filtering takes its time: what is on disk need not wait for it.
        publish(&work)
        first.ready.wait()
      }
      let group = takeGroup(after: first)
      work.index.texts = group.last?.texts ?? [:]
      commit(group.map(\.part), &work)
    }
  }

  /// Takes the first commit and those behind it that are filtered and can share its part. A part ends with the last
  /// commit that holds a row of the anchor.
  private func takeGroup(after first: Waiting) -> [Waiting] {
    let join = PartJoin(pool: pool)
    return waiting.withLock { waiting in
      var group = [first]
      while group.count < min(policy.fan, waiting.count) {
        let next = waiting[group.count]
        let endsWithAnchor = isAnchored(group[group.count - 1].part)
        guard !endsWithAnchor || isAnchored(next.part),
          join.accepts(next.part, after: group.map(\.part)),
          next.ready.wait(timeout: .now()) == .success
        else { break }
        group.append(next)
      }
      waiting.removeFirst(group.count)
      return group
    }
  }

  private func isAnchored(_ part: Part) -> Bool { anchor.map { part.counts[$0] ?? 0 > 0 } ?? false }

  private func commit(_ parts: [Part], _ work: inout Work) {
    // Where commits come faster than parts are merged, the next one waits: else parts, and with them the cost of a commit
    // and the memory of an index, would grow all the same.
    if work.isMerging && work.index.parts.count >= work.mostParts {
      merging.sync {}
      takeMerge(&work)
    }
    if progress.failure == nil {
      do {
        try write(PartJoin(pool: pool).join(parts), &work)
      } catch {
        progress.fail(work.index.explained(error))
      }
      let isFirst = work.index.parts.count == 1
      let unpublished = work.unpublished.reduce(0) { $0 + $1.commits.count }
      let isEnough = isFirst || unpublished >= policy.fan
      if isEnough || progress.commitCount == parts.count || progress.failure != nil {
        publish(&work)
      }
    }
    for part in parts { progress.endCommit(byteCount: part.byteCount) }
    pool.wake()
    mergeWhenDue(&work)
  }

  private func write(_ part: Part, _ work: inout Work) throws {
    let byteCount = try part.write(in: place.folder, holding: lock)
    work.index.append(part.name, part.counts, byteCount: byteCount)
    if isAnchored(part) { work.anchoredCommit = part.name.last }
    work.unpublished.append(part)
  }

  /// Lets `index.h5` name every part on disk, and acknowledges their rows.
  private func publish(_ work: inout Work) {
    guard !work.unpublished.isEmpty else { return }
    do {
      try writeIndex(&work)
    } catch {
      progress.fail(work.index.explained(error))
    }
  }

  private func writeIndex(_ work: inout Work) throws {
    try work.index.write(holding: lock)
    work.indexCount += 1
    // The library keeps what an index of many parts took, and a long run's memory would grow with them.
    if work.indexCount % 8 == 0, work.index.parts.count > 32 { releaseHDF5Memory() }
    let parts = work.unpublished
    work.unpublished = []
    for commit in parts.flatMap(\.commits) {
      onEvent(
        .commit(part: commit.number, rows: commit.rows.filter { streamPaths.contains($0.key) }))
    }
  }

  // MARK: - Merging

  /// Begins to merge old parts when there are many. Copying goes on beside later commits; only the exchange of names waits
  /// for its turn among them.
  private func mergeWhenDue(_ work: inout Work) {
    let index = work.index
    guard !work.isMerging, !progress.isStopping,
      let range = policy.next(
        index.parts, anchor: work.anchoredCommit, byteCount: { index.byteCounts[$0] ?? 0 })
    else { return }
    work.isMerging = true
    work.mostParts =
      index.parts.count > policy.largeLimit
      ? policy.largeLimit + policy.fan : max(policy.limit + policy.fan, index.parts.count)
    let merger = PartMerger(
      folder: place.folder, parts: Array(work.index.parts[range]),
      arrays: schema.arrays.filter { $0.type != .utf8 }, pool: pool, holding: lock)
    merging.async { [self] in
      let result = Result { try merger.run { progress.isStopping } }
      finishedMerge.withLock { $0 = FinishedMerge(parts: merger.parts, result: result) }
      self.work.async { [self] in takeMerge(&$0) }
    }
  }

  /// Puts a finished merge into the index.
  private func takeMerge(_ work: inout Work) {
    let finished = finishedMerge.withLock { merge in
      defer { merge = nil }
      return merge
    }
    guard let finished else { return }
    work.isMerging = false
    do {
      if let merged = try finished.result.get() {
        try exchange(finished.parts, for: merged, &work)
      }
    } catch {
      progress.fail(work.index.explained(error))
    }
  }

  /// Lets the index name the merged part in place of those it was made from.
  private func exchange(
    _ old: [PartName], for merged: PartName, _ work: inout Work
  ) throws {
    guard work.index.exchange(old, for: merged) else { return }
    try writeIndex(&work)
    let outdated = work.retired
    work.retired = old
    for name in outdated {
      try FileManager.default.removeItem(atPath: place.folder + "/" + name.file)
    }
    releaseHDF5Memory()
    onEvent(.merged(parts: old.count))
    mergeWhenDue(&work)
  }

  // MARK: - The end

  /// Waits until every commit so far is acknowledged or has failed.
  /// - Throws: what went wrong in the background.
  func finish() throws {
    work.sync { _ in }
    try progress.check()
  }

  /// Begins no further merge, and waits for everything under way. A merge hands its result to the queue, so that one is
  /// emptied twice.
  func stop() {
    progress.stop()
    work.sync { _ in }
    merging.sync {}
    work.sync { _ in }
  }

  /// Where committed rows lie, by the path of their array.
  var sources: [String: [DatasetCreation.Source]] { work.sync { $0.index.sources } }

  /// What went wrong, with its remedy where somebody removed what the run had written.
  func explained(_ error: any Error) -> any Error { work.sync { $0.index.explained(error) } }
}
