import Foundation
import HDF5
import Synchronization

/// Makes commits durable, one after another, and merges old parts beside them.
///
/// A commit writes a part under a temporary name, fsyncs and renames it, and replaces `index.h5` the same way
/// (``DurableFile``); only then are its rows acknowledged, by an event. Where the next commit waits already, one index serves
/// both, since its cost grows with the parts it names. Parts, index and merges are confined to one queue by
/// their type; what the appending thread sees of them is ``progress``.
final class CommitLog: Sendable {
  /// What the queue alone touches.
  private struct Work {
    var index: PartIndex
    /// Last commit that holds a row of the anchor: no merged part reaches over it.
    var anchoredCommit: Int?
    var isMerging = false
    /// Parts on disk that `index.h5` does not name yet.
    var unpublished: [Part] = []
    /// Parts that were merged: kept until the next merge, for readers that opened the index before.
    var retired: [PartName] = []
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
  private let lock: FolderLock
  private let onEvent: @Sendable (Recorder.Event) -> Void
  private let streamPaths: Set<String>
  private let work: Confined<Work>
  private let merging = DispatchQueue(label: "recorder.merging")
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
    work.async { [self] work in
      if ready.wait(timeout: .now()) == .timedOut {
        // Filtering takes its time: what is on disk need not wait for it.
        publish(&work)
        ready.wait()
      }
      work.index.texts = texts
      commit(part, &work)
    }
  }

  private func commit(_ part: Part, _ work: inout Work) {
    // Where commits come faster than parts are merged, the next one waits: else parts, and with them the cost of a commit
    // and the memory of an index, would grow all the same.
    if work.isMerging && work.index.parts.count >= policy.limit + policy.fan {
      merging.sync {}
      takeMerge(&work)
    }
    if progress.failure == nil {
      do {
        try write(part, &work)
      } catch {
        progress.fail(work.index.explained(error))
      }
      let isFirst = work.index.parts.count == 1
      let isEnough = isFirst || work.unpublished.count >= policy.fan
      if isEnough || progress.commitCount == 1 || progress.failure != nil { publish(&work) }
    }
    progress.endCommit(byteCount: part.byteCount)
    pool.wake()
    mergeWhenDue(&work)
  }

  private func write(_ part: Part, _ work: inout Work) throws {
    try part.write(in: place.folder)
    let counts = part.content.map { ($0.schema.path, $0.rows) }
    work.index.append(part.name, Dictionary(uniqueKeysWithValues: counts))
    if let anchor, counts.contains(where: { $0.0 == anchor && $0.1 > 0 }) {
      work.anchoredCommit = part.name.last
    }
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
    try work.index.write()
    let parts = work.unpublished
    work.unpublished = []
    for part in parts {
      onEvent(
        .commit(part: part.name.first, rows: part.rows.filter { streamPaths.contains($0.key) }))
    }
  }

  // MARK: - Merging

  /// Begins to merge old parts when there are many. Copying goes on beside later commits; only the exchange of names waits
  /// for its turn among them.
  private func mergeWhenDue(_ work: inout Work) {
    guard !work.isMerging, !progress.isStopping,
      let range = policy.next(work.index.parts, anchor: work.anchoredCommit)
    else { return }
    work.isMerging = true
    let merger = PartMerger(
      folder: place.folder, parts: Array(work.index.parts[range]),
      arrays: schema.arrays.filter { $0.type != .utf8 }, pool: pool)
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
