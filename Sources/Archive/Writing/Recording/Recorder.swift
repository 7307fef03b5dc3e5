import Arrays
import Foundation
import HDF5

/// Streams an archive to disk while it is computed: rows in, immutable part files out, one sealed file at the end.
///
/// `append` copies the rows and returns; filtering runs on worker threads and writing on one more (``CommitLog``), so that
/// compute waits only when more than `bound` bytes are on their way, and then the wait is reported. Rows of a commit are
/// safe when its event says so. A recorder belongs to the thread that appends: it is not `Sendable`, so the compiler keeps
/// others out.
public final class Recorder {
  /// What a recorder tells while it works; called from its own threads.
  public enum Event: Sendable {
    /// Rows are safe: the acknowledged length of the first axis of each stream.
    case commit(part: Int, rows: [String: Int])
    /// Compute waited for the disk because the bound was full.
    case waited(seconds: Double)
    /// Old parts were merged into one.
    case merged(parts: Int)
    /// The archive is one file now.
    case sealed(path: String)
  }

  /// Where the archive goes.
  public let place: RunPlace
  /// What it holds.
  public let schema: RunSchema
  /// What is otherwise than in the process that wrote the rows before, one line each; empty in a run that was not resumed.
  public let changes: [String]
  /// What the process before left to go on from, see ``commit(resumeState:)``; nil in a run that was not resumed.
  public let resumeState: [UInt8]?
  /// Number of parts that earlier processes wrote.
  public let earlierPartCount: Int
  private let limits: RecorderLimits
  private let onEvent: @Sendable (Event) -> Void
  private let streams: [String: ArrayStream]
  private var texts: [String: [String]]
  private var commitCount: Int
  private var hasNewTexts = false
  private var lastCommit = ContinuousClock.now
  private let pool: MemoryPool
  private let filtering = OperationQueue()
  /// Hashes of all rows so far, by the path of their array.
  private let hashes: Confined<[String: LogicalHash]>
  private let log: CommitLog
  private var progress: CommitProgress { log.progress }
  private let unfinished: Unfinished

  /// Goes on in a prepared folder, after the parts it holds.
  init(
    _ folder: PreparedFolder, anchor: String?, limits: RecorderLimits,
    onEvent: @escaping @Sendable (Event) -> Void
  ) throws {
    (place, schema, changes) = (folder.place, folder.schema, folder.changes)
    (unfinished, texts) = (folder.unfinished, folder.texts)
    (self.limits, self.onEvent) = (limits, onEvent)
    let pool = MemoryPool(limit: limits.bytes)
    self.pool = pool
    filtering.maxConcurrentOperationCount = max(1, ProcessInfo.processInfo.activeProcessorCount)
    let arrays = folder.schema.arrays.filter { $0.type != .utf8 }
    streams = Dictionary(
      uniqueKeysWithValues: arrays.map { ($0.path, ArrayStream($0, pool)) })
    var index = PartIndex(folder.place, folder.schema)
    let earlier = folder.parts?.items ?? []
    var hashes: [String: LogicalHash]
    if let parts = folder.parts {
      hashes = try Self.hashes(of: parts, arrays)
      for item in earlier {
        index.append(
          item.name, item.rows, byteCount: Part.byteCount(of: parts.folder + "/" + item.name.file))
      }
      for (path, count) in index.rows { streams[path]?.resume(rows: count) }
      index.texts = folder.texts
      try index.write(holding: folder.lock)
      // Only now that no index names them.
      try parts.removeDropped()
    } else {
      hashes = Dictionary(uniqueKeysWithValues: arrays.map { ($0.path, LogicalHash()) })
    }
    resumeState = try folder.parts?.resumeState()
    earlierPartCount = earlier.count
    commitCount = (earlier.last?.name.last ?? -1) + 1
    self.hashes = Confined("recorder.hashing", hashes)
    log = CommitLog(
      index, folder.lock, anchor: anchor,
      anchoredCommit: anchor.flatMap { folder.parts?.lastCommit(of: $0) }, limits: limits,
      pool: pool, onEvent: onEvent)
  }

  /// Whether the fixed array at `path` was committed before this process.
  public func holds(_ path: String) -> Bool { (streams[path]?.rows ?? 0) > 0 }

  // MARK: - Rows

  /// Sets a text array, whole.
  public func write(_ path: String, _ values: [String]) {
    texts[path] = values
    hasNewTexts = true
  }

  /// Appends rows, or sets a fixed array, whole. Floats are rounded for an array of halves.
  /// - Throws: ``ArchiveError`` for a finite float beyond the range of the halves, and what went wrong in the background.
  public func append<Element: ArrayElement>(_ path: String, _ values: [Element]) throws {
    try values.withUnsafeBytes { try append(path, bytes: $0, type: Element.elementType) }
  }

  /// Appends rows from memory; see ``append(_:_:)``.
  public func append<Element: ArrayElement>(
    _ path: String, _ values: UnsafeBufferPointer<Element>
  ) throws {
    try append(path, bytes: UnsafeRawBufferPointer(values), type: Element.elementType)
  }

  private func append(_ path: String, bytes: UnsafeRawBufferPointer, type: ElementType) throws {
    guard let stream = streams[path] else {
      preconditionFailure("\(path) is not in the schema")
    }
    if type == .float32, stream.schema.type == .float16 || stream.schema.type == .bfloat16 {
      return try append(path, halving: bytes.bindMemory(to: Float.self), stream.schema.type)
    }
    precondition(stream.schema.type == type, "\(path) holds \(stream.schema.type), not \(type)")
    try reserve(bytes.count)
    for (block, bytes) in stream.append(bytes) { filter(block, bytes, stream.schema) }
  }

  private func append(
    _ path: String, halving values: UnsafeBufferPointer<Float>, _ type: ElementType
  ) throws {
    let isHalf = type == .float16
    // The largest of each; what rounds to it is held too.
    let bound: Float = isHalf ? 65520 : Float(bitPattern: 0x7F7F_8000)
    if let lost = values.first(where: { $0.isFinite && abs($0) >= bound }) {
      throw ArchiveError(
        .refused,
        "\(place.folder): \(path): the value \(lost) is beyond what \(type.rawValue) holds; choose "
          + "\(isHalf ? "bfloat16 or float32" : "float32")")
    }
    if isHalf {
      try append(path, values.map { Float16($0) })
    } else {
      try append(path, values.map { BFloat16($0) })
    }
  }

  /// Waits for a commit under way while the bound is full, and throws what went wrong in the background. With no
  /// commit under way rows are taken all the same: a commit in the middle of a group's rows would leave arrays of
  /// unequal length, so callers give room by ``tick()``.
  private func reserve(_ count: Int) throws {
    try wait {
      defer { progress.append(count) }
      return pool.wait(for: count) { progress.willFreeMemory }
    }
  }

  /// Reports the seconds of `body` when it says that it waited, and throws what went wrong in the background.
  private func wait(_ body: () -> Bool) throws {
    let began = ContinuousClock.now
    if body() { onEvent(.waited(seconds: (ContinuousClock.now - began) / .seconds(1))) }
    try progress.check()
  }

  private func filter(_ block: ArrayStream.Block, _ bytes: MemoryPool.Piece, _ schema: ArraySchema)
  {
    hashes.async { $0[schema.path]?.update(bytes.bytes) }
    // The filtered rows will lie beside the others until those are hashed.
    pool.use(bytes.count)
    filtering.addOperation { [pool] in
      ArrayStream.encode(block, bytes, schema, pool)
      pool.use(-bytes.count)
    }
  }

  // MARK: - Commits

  /// Commits when 30 s or 64 MiB (see ``RecorderLimits``) have passed since the last time. Call it where all streams of
  /// a group have equally many rows. `resumeState` is asked then what to go on from.
  public func tick(resumeState: (() -> [UInt8])? = nil) throws {
    let full = !progress.isCommitting && progress.byteCount > limits.commitBytes
    let waited = (ContinuousClock.now - lastCommit) / .seconds(1)
    if full || waited > limits.commitSeconds { try commit(resumeState: resumeState?()) }
  }

  /// Starts a commit of everything appended so far and returns; ``finish()`` waits for it. `resumeState` is kept with it, where
  /// the anchor is ``resumeAnchor``, for the process that goes on from here.
  public func commit(resumeState: [UInt8]? = nil) throws {
    try progress.check()
    for stream in streams.values {
      if let (block, bytes) = stream.finishPart() { filter(block, bytes, stream.schema) }
    }
    var content: [Part.Content] = []
    var rows: [String: Int] = [:]
    var byteCount = 0
    for array in schema.arrays {
      guard let stream = streams[array.path] else { continue }
      let part = stream.takePart()
      if part.rows > 0 { content.append(Part.Content(array, part.rows, part.blocks)) }
      byteCount += part.rows * stream.rowByteCount
      rows[array.path] = stream.rows
    }
    // A commit without news would be a part without rows.
    if content.isEmpty && !hasNewTexts && resumeState == nil && commitCount > 0 { return }
    hasNewTexts = false
    let states = HashStates()
    let paths = content.map(\.schema.path)
    hashes.async { hashes in
      states.tell(Dictionary(uniqueKeysWithValues: paths.map { ($0, hashes[$0]?.state ?? []) }))
    }
    // Bounded in number as well as in bytes: many small ones would cost memory of their own, and a long wait at the end.
    _ = pool.wait { [limits, progress] in
      progress.commitCount >= limits.pendingCommits && progress.failure == nil
    }
    try progress.check()
    let part = Part(
      name: PartName(commitCount), content: content,
      commits: [Part.Commit(number: commitCount, rows: rows)], byteCount: byteCount,
      hashStates: states, resumeState: resumeState)
    commitCount += 1
    lastCommit = .now
    // Everything this part needs is queued by now; a barrier separates it from the next part's filtering.
    let ready = DispatchSemaphore(value: 0)
    filtering.addBarrierBlock { ready.signal() }
    log.append(part, texts, after: ready)
  }

  // MARK: - The end

  /// Commits what is left and waits until all of it is acknowledged; see ``commit(resumeState:)``.
  public func finish(resumeState: [UInt8]? = nil) throws {
    try commit(resumeState: resumeState)
    try log.finish()
  }

  /// Finishes, joins all parts into one self-contained file, and removes the parts unless `keepingParts`.
  @discardableResult
  public func seal(keepingParts: Bool = false) throws -> String {
    // Merging goes on while the last commits are written, or each would rewrite an index of ever more parts.
    try finish()
    // A merge under way is not worth finishing; one that has just ended must not put its part into the index beside the sealing.
    log.stop()
    try progress.check()
    let known = hashesOfValues()
    let tree = TreeWriter(schema: schema, rows: streams.mapValues(\.rows), texts: texts) {
      known[$0.path]
    }
    do {
      try Sealer(place: place, tree: tree, sources: log.sources, pool: pool, lock: log.lock).run()
    } catch {
      throw log.explained(error)
    }
    if !keepingParts { try place.removeParts(releasing: log.lock) }
    unfinished.done()
    onEvent(.sealed(path: place.file))
    return place.file
  }

  /// Logical hash of each array whose values are all there.
  private func hashesOfValues() -> [String: String] {
    var shapes: [String: (type: ElementType, shape: [Int])] = [:]
    for (path, stream) in streams {
      // Of an array that is not all there no reader can make the hash.
      if !stream.schema.isStream, stream.rows < stream.schema.axes[0].length ?? 0 { continue }
      let shape = stream.schema.leadShape + stream.schema.shape(rows: stream.rows)
      shapes[path] = (stream.schema.type, shape)
    }
    let complete = shapes
    var values = hashes.sync { hashes in
      complete.reduce(into: [String: String]()) { values, array in
        values[array.key] = hashes[array.key]?.value(array.value.type, shape: array.value.shape)
      }
    }
    for (path, list) in texts {
      let hash = LogicalHash()
      hash.update(list)
      let shape = schema.array(path)?.shape(rows: list.count)
      values[path] = hash.value(.utf8, shape: shape ?? [list.count])
    }
    return values
  }

  /// Whether no other process has taken the folder over.
  var isHolder: Bool { log.lock.isHeld }

  /// Stops after a failure: waits for what is under way, and removes the folder when nothing was acknowledged.
  public func abandon() {
    log.stop()
    if isHolder, !FileManager.default.fileExists(atPath: place.index) {
      try? place.removeParts(releasing: log.lock)
    }
    unfinished.done()
  }
}
