import Arrays
import Foundation
import HDF5

/// Streams an archive to disk while it is computed: rows in, immutable part files out, one sealed file at the end.
///
/// `append` copies the rows and returns; filtering runs on worker threads and writing on one more, so that compute
/// waits only when more than `bound` bytes are on their way, and then the wait is reported. A commit writes a part
/// under a temporary name, fsyncs and renames it, and replaces `index.h5` the same way; only then are its rows
/// acknowledged, by an event. Call it from one thread.
public final class Recorder: @unchecked Sendable {
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
  public private(set) var schema: RunSchema
  private let limits: RecorderLimits
  private let onEvent: @Sendable (Event) -> Void
  private var streams: [String: ArrayStream] = [:]
  private var texts: [String: [String]] = [:]
  private var commitCount = 0
  private var hasNewTexts = false
  private var lastCommit = ContinuousClock.now
  private let pool: MemoryPool
  private let filtering = OperationQueue()
  private let hashing = DispatchQueue(label: "recorder.hashing")
  private let writing = DispatchQueue(label: "recorder.writing")
  private let merging = DispatchQueue(label: "recorder.merging")
  private let stateLock = NSLock()
  private var bytesUnderway = 0
  private var commitsUnderway = 0
  private var failure: (any Error)?
  private var lock: FolderLock?
  private var unfinished: Unfinished?
  private var isSealing = false
  // What follows belongs to the writing queue.
  private let anchor: String?
  private let policy: PartMerging
  private var parts: [PartName] = []
  private var anchoredCommit: Int?
  private var acknowledgedRows: [String: Int] = [:]
  private var acknowledgedTexts: [String: [String]] = [:]
  private var isMerging = false
  /// A merge that waits to be put into the index; guarded by the lock.
  private var finishedMerge: (parts: [PartName], result: Result<PartName?, any Error>)?
  /// Parts that were merged: kept until the next merge, for readers that opened the index before.
  private var retired: [PartName] = []
  private var counting: CountingFile

  /// Makes the folder of parts. See ``RunPlace/prepare(replacing:sources:)`` for what is refused.
  ///
  /// A run that can be resumed names its `anchor`, see ``resume(_:_:anchor:limits:onEvent:)``.
  public init(
    _ place: RunPlace, _ schema: RunSchema, replacing: Bool = false, anchor: String? = nil,
    limits: RecorderLimits = RecorderLimits(),
    onEvent: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws {
    schema.validate()
    try place.prepare(replacing: replacing, sources: schema.provenance.sources.map(\.path))
    (self.place, self.schema, self.limits, self.onEvent) = (place, schema, limits, onEvent)
    (self.anchor, policy) = (anchor, PartMerging(limit: limits.partCount))
    pool = MemoryPool(limit: limits.bytes)
    counting = CountingFile(folder: place.folder)
    for array in schema.arrays where array.type != .utf8 {
      streams[array.path] = ArrayStream(array, pool)
    }
    filtering.maxConcurrentOperationCount = max(1, ProcessInfo.processInfo.activeProcessorCount)
    do {
      try FileManager.default.createDirectory(
        atPath: place.folder, withIntermediateDirectories: false)
    } catch {
      throw ArchiveError(
        .refused, "cannot make \(place.folder): \(error.localizedDescription)")
    }
    unfinished = Unfinished { place.removeUncommitted() }
    lock = try FolderLock(place.folder)
    try Self.store(schema, place)
  }

  private static func store(_ schema: RunSchema, _ place: RunPlace) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let temporary = place.schemaFile + ".tmp"
    try encoder.encode(schema).write(to: URL(fileURLWithPath: temporary))
    try DurableFile.replace(place.schemaFile, with: temporary)
  }

  /// Goes on with a run that was interrupted, from the last commit that holds a row of `anchor`.
  ///
  /// Later parts are removed. Fixed arrays that were committed need not be appended again; text arrays do. The
  /// configuration and the sources must be those the run was begun with, and OpenBLAS's kernels too unless `onOtherKernels`; what
  /// else differs (program, processor) is named in the provenance and in ``changes``. Returns nil, leaving nothing behind, when no
  /// such commit was made: then the run begins anew.
  public static func resume(
    _ place: RunPlace, _ schema: RunSchema, anchor: String, onOtherKernels: Bool = false,
    limits: RecorderLimits = RecorderLimits(),
    onEvent: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws -> Recorder? {
    guard place.hasFolder else { return nil }
    let lock = try FolderLock(place.folder)
    if FileManager.default.fileExists(atPath: place.index) {
      try schema.provenance.checkResumable(place, onOtherKernels: onOtherKernels)
    }
    var parts = try RunParts(place.folder, schema)
    guard FileManager.default.fileExists(atPath: place.index),
      parts.truncate(afterLast: anchor)
    else {
      try place.removeParts()
      return nil
    }
    return try Recorder(
      resuming: place, schema, parts, anchor: anchor, lock: lock, limits: limits, onEvent: onEvent)
  }

  /// Takes over a folder as it is, with every whole part, to seal it without its producer.
  /// - Throws: ``ArchiveError`` when the folder does not say what it holds, or holds no whole part.
  public static func adopt(_ place: RunPlace) throws -> Recorder {
    let lock = try FolderLock(place.folder)
    guard let data = FileManager.default.contents(atPath: place.schemaFile),
      let schema = try? JSONDecoder().decode(RunSchema.self, from: data)
    else {
      throw ArchiveError(
        .layout,
        "\(place.folder): schema.json is missing or damaged, so the parts cannot be joined; "
          + "each part opens on its own as HDF5")
    }
    if let problem = schema.problem {
      throw ArchiveError(
        .layout,
        "\(place.schemaFile) is damaged: \(problem); copy it from the original, or resume the run")
    }
    let parts = try RunParts(place.folder, schema)
    guard !parts.items.isEmpty else {
      throw ArchiveError(
        .layout, "\(place.folder): nothing was committed; remove the folder and begin anew")
    }
    if let missing = parts.missing {
      throw ArchiveError(
        .layout,
        "\(place.folder): \(PartName(missing).file) is missing though later parts are there; put it "
          + "back, or resume the run, which computes its rows anew, or move the later parts away to "
          + "keep what lies before it")
    }
    return try Recorder(
      resuming: place, schema, parts, anchor: nil, lock: lock, limits: RecorderLimits()
    ) { _ in }
  }

  private init(
    resuming place: RunPlace, _ schema: RunSchema, _ parts: RunParts, anchor: String?,
    lock: FolderLock, limits: RecorderLimits, onEvent: @escaping @Sendable (Event) -> Void
  ) throws {
    schema.validate()
    (self.place, self.schema, self.limits, self.onEvent) = (place, schema, limits, onEvent)
    (self.anchor, policy) = (anchor, PartMerging(limit: limits.partCount))
    pool = MemoryPool(limit: limits.bytes)
    counting = CountingFile(folder: place.folder)
    self.lock = lock
    filtering.maxConcurrentOperationCount = max(1, ProcessInfo.processInfo.activeProcessorCount)
    for array in schema.arrays where array.type != .utf8 {
      streams[array.path] = ArrayStream(array, pool)
    }
    unfinished = Unfinished { place.removeUncommitted() }
    try adopt(parts)
  }

  private func adopt(_ parts: RunParts) throws {
    // Killed before the first index, a folder has parts and a schema only: texts are empty then.
    let begun = try? RunReader(place.folder)
    if let begun {
      schema.runID = begun.runID
      if anchor == nil {
        try schema.provenance.keep(begun)
      } else {
        let rows = Provenance.Session.rows(schema.arrays) { path in
          parts.items.reduce(0) { $0 + ($1.rows[path] ?? 0) }
        }
        changes = try schema.provenance.goOn(from: begun, rows: rows)
      }
    }
    for array in schema.arrays where array.type == .utf8 {
      guard let begun, begun.contains(array.path) else { continue }
      texts[array.path] = try begun.readTexts(array.path)
    }
    for item in parts.items { try adopt(item) }
    self.parts = parts.items.map(\.name)
    commitCount = (self.parts.last?.last ?? -1) + 1
    anchoredCommit = anchor.flatMap { parts.lastCommit(of: $0) }
    adoptedPartCount = self.parts.count
    acknowledgedRows = streams.mapValues(\.rows)
    acknowledgedTexts = texts
    try writeIndex(acknowledgedRows)
    try parts.removeDropped()
  }

  /// Takes over the rows of one part: their places, their number, their hash.
  private func adopt(_ item: RunParts.Item) throws {
    let part = try File.open(place.folder + "/" + item.name.file, asSource: true).root
    for (path, count) in item.rows {
      guard let stream = streams[path] else { continue }
      stream.sources.append(
        DatasetCreation.Source(
          file: item.name.file, dataset: path, start: stream.rows, count: count))
      stream.resume(rows: count)
      let dataset = try part.dataset(path)
      let step = max(1, (16 << 20) / max(stream.rowByteCount, 1))
      for row in stride(from: 0, to: count, by: step) {
        let shape = stream.schema.shape(rows: min(step, count - row))
        let block = [min(step, count - row)] + shape.dropFirst()
        var bytes = [UInt8](repeating: 0, count: block[0] * stream.rowByteCount)
        try bytes.withUnsafeMutableBytes {
          try dataset.readFast(
            into: $0, as: stream.schema.type,
            start: [row] + shape.dropFirst().map { _ in 0 }, count: block)
        }
        bytes.withUnsafeBytes { stream.hash.update($0) }
      }
    }
  }

  /// What is otherwise than in the process that wrote the rows before, one line each; empty in a run that was not resumed.
  public private(set) var changes: [String] = []

  /// Number of parts that earlier processes wrote.
  public private(set) var adoptedPartCount = 0

  /// Whether the fixed array at `path` was committed before this process.
  public func holds(_ path: String) -> Bool { (streams[path]?.rows ?? 0) > 0 }

  // MARK: - Rows

  /// Sets a text array, whole.
  public func write(_ path: String, _ values: [String]) {
    texts[path] = values
    hasNewTexts = true
  }

  /// Appends rows, or sets a fixed array, whole. Floats are rounded for an array of halves; beyond its range they become
  /// infinite.
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
    for (block, bytes) in stream.append(bytes) { filter(block, bytes, stream) }
  }

  private func append(
    _ path: String, halving values: UnsafeBufferPointer<Float>, _ type: ElementType
  ) throws {
    if type == .float16 {
      try append(path, values.map { Float16($0) })
    } else {
      try append(path, values.map { BFloat16($0) })
    }
  }

  /// Waits for a commit under way while the bound is full, and throws what went wrong in the background. With no
  /// commit under way rows are taken all the same: a commit in the middle of a group's rows would leave arrays of
  /// unequal length, so callers give room by ``tick()``.
  private func reserve(_ count: Int) throws {
    let began = ContinuousClock.now
    let waited = pool.wait(for: count) {
      stateLock.withLock { commitsUnderway > 0 && failure == nil }
    }
    let problem = stateLock.withLock {
      bytesUnderway += count
      return failure
    }
    if waited { onEvent(.waited(seconds: (ContinuousClock.now - began) / .seconds(1))) }
    if let problem { throw problem }
  }

  private func filter(_ block: ArrayStream.Block, _ bytes: MemoryPool.Piece, _ stream: ArrayStream)
  {
    let (schema, hash) = (stream.schema, stream.hash)
    hashing.async { hash.update(bytes.bytes) }
    // The filtered rows will lie beside the others until those are hashed.
    pool.use(bytes.count)
    filtering.addOperation { [pool] in
      ArrayStream.encode(block, bytes, schema, pool)
      pool.use(-bytes.count)
    }
  }

  // MARK: - Commits

  /// Commits when 30 s or 64 MiB (see ``RecorderLimits``) have passed since the last time. Call it where all streams of
  /// a group have equally many rows.
  public func tick() throws {
    stateLock.lock()
    let full = commitsUnderway == 0 && bytesUnderway > limits.commitBytes
    stateLock.unlock()
    let waited = (ContinuousClock.now - lastCommit) / .seconds(1)
    if full || waited > limits.commitSeconds { try commit() }
  }

  /// Starts a commit of everything appended so far and returns; ``finish()`` waits for it.
  public func commit() throws {
    stateLock.lock()
    let failure = failure
    stateLock.unlock()
    if let failure { throw failure }
    enqueueCommit()
  }

  private func enqueueCommit() {
    for stream in streams.values {
      if let (block, bytes) = stream.finishPart() { filter(block, bytes, stream) }
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
    if content.isEmpty && !hasNewTexts && commitCount > 0 { return }
    hasNewTexts = false
    let part = Part(
      name: PartName(commitCount), content: content, rows: rows, byteCount: byteCount)
    commitCount += 1
    lastCommit = .now
    stateLock.lock()
    commitsUnderway += 1
    stateLock.unlock()
    // Everything this part needs is queued by now; a barrier separates it from the next part's filtering.
    let ready = DispatchSemaphore(value: 0)
    filtering.addBarrierBlock { ready.signal() }
    let texts = texts
    writing.async { [self] in
      ready.wait()
      acknowledgedTexts = texts
      write(part)
    }
  }

  private func write(_ part: Part) {
    stateLock.lock()
    let failed = failure != nil
    stateLock.unlock()
    var problem: (any Error)?
    // Where commits come faster than parts are merged, the next one waits: else parts, and with them the cost of a commit
    // and the memory of an index, would grow all the same.
    if isMerging && parts.count >= policy.limit + policy.fan {
      merging.sync {}
      takeMerge()
    }
    if !failed {
      do {
        try part.write(in: place.folder)
        for content in part.content {
          streams[content.schema.path]?.sources.append(
            DatasetCreation.Source(
              file: part.name.file, dataset: content.schema.path,
              start: (part.rows[content.schema.path] ?? 0) - content.rows, count: content.rows))
        }
        parts.append(part.name)
        if part.content.contains(where: { $0.schema.path == anchor && $0.rows > 0 }) {
          anchoredCommit = part.name.last
        }
        acknowledgedRows = part.rows
        try writeIndex(part.rows)
        onEvent(
          .commit(part: part.name.first, rows: part.rows.filter { streamPaths.contains($0.key) }))
      } catch {
        problem = explained(error)
      }
    }
    stateLock.lock()
    if let problem, failure == nil { failure = problem }
    bytesUnderway -= part.byteCount
    commitsUnderway -= 1
    stateLock.unlock()
    pool.wake()
    if problem == nil && !failed { mergeWhenDue() }
  }

  /// What went wrong, with its remedy where somebody removed what the run had written.
  private func explained(_ error: any Error) -> any Error {
    let manager = FileManager.default
    guard manager.fileExists(atPath: place.folder) else {
      return ArchiveError(
        .refused,
        "\(place.folder) was removed while the run was being written; begin anew with the same command"
      )
    }
    let gone = parts.map { place.folder + "/" + $0.file }.first { !manager.fileExists(atPath: $0) }
    guard let gone else { return error }
    return ArchiveError(
      .refused,
      "\(gone) was removed while the run was being written; put it back if you can, and go on with "
        + "--resume, which computes missing rows anew")
  }

  private lazy var streamPaths = Set(schema.arrays.filter(\.isStream).map(\.path))

  private func writeIndex(_ rows: [String: Int]) throws {
    let temporary = place.folder + "/.index.h5.tmp"
    let tree = TreeWriter(schema: schema, rows: rows, texts: acknowledgedTexts) { _ in nil }
    do {
      let file = try File.create(temporary, replacing: true)
      try tree.write(to: file, finished: nil) { group, array, shape in
        var creation = DatasetCreation(sources: streams[array.path]?.sources ?? [])
        creation.marksUnwritten = tree.rowsWritten(array) != nil
        return try group.createDataset(array.name, array.type, shape: shape, creation)
      } counting: { length in
        try counting.source(length)
      }
      try file.close()
    }
    try DurableFile.replace(place.index, with: temporary)
  }

  // MARK: - Merging

  /// Begins to merge old parts when there are many. Copying goes on beside later commits; only the exchange of names waits
  /// for its turn among them.
  private func mergeWhenDue() {
    guard !isMerging, !isStopping, let range = policy.next(parts, anchor: anchoredCommit) else {
      return
    }
    isMerging = true
    let merger = PartMerger(
      folder: place.folder, parts: Array(parts[range]),
      arrays: schema.arrays.filter { $0.type != .utf8 }, pool: pool)
    merging.async { [self] in
      let result = Result { try merger.run { isStopping } }
      stateLock.withLock { finishedMerge = (merger.parts, result) }
      writing.async { [self] in takeMerge() }
    }
  }

  /// Puts a finished merge into the index. On the writing queue.
  private func takeMerge() {
    let finished = stateLock.withLock {
      defer { finishedMerge = nil }
      return finishedMerge
    }
    guard let finished else { return }
    isMerging = false
    do {
      if let merged = try finished.result.get() { try exchange(finished.parts, for: merged) }
    } catch {
      let problem = explained(error)
      stateLock.withLock { if failure == nil { failure = problem } }
    }
  }

  private var isStopping: Bool { stateLock.withLock { isSealing || failure != nil } }

  /// Lets the index name the merged part in place of those it was made from.
  private func exchange(_ old: [PartName], for merged: PartName) throws {
    guard let start = parts.firstIndex(of: old[0]) else { return }
    parts.replaceSubrange(start..<start + old.count, with: [merged])
    let files = Set(old.map(\.file))
    for stream in streams.values {
      guard let first = stream.sources.firstIndex(where: { files.contains($0.file) }) else {
        continue
      }
      let count = stream.sources.filter { files.contains($0.file) }.map(\.count).reduce(0, +)
      var source = stream.sources[first]
      (source.file, source.count) = (merged.file, count)
      stream.sources.removeAll { files.contains($0.file) }
      stream.sources.insert(source, at: first)
    }
    try writeIndex(acknowledgedRows)
    let outdated = retired
    retired = old
    for name in outdated {
      try FileManager.default.removeItem(atPath: place.folder + "/" + name.file)
    }
    releaseHDF5Memory()
    onEvent(.merged(parts: old.count))
    mergeWhenDue()
  }

  // MARK: - The end

  /// Commits what is left and waits until all of it is acknowledged.
  public func finish() throws {
    try commit()
    writing.sync {}
    stateLock.lock()
    let failure = failure
    stateLock.unlock()
    if let failure { throw failure }
  }

  /// Waits for everything under way; a merge hands its result to the writing queue, so that one is emptied twice.
  private func wait() {
    writing.sync {}
    merging.sync {}
    writing.sync {}
  }

  /// Finishes, joins all parts into one self-contained file, and removes the parts unless `keepingParts`.
  @discardableResult
  public func seal(keepingParts: Bool = false) throws -> String {
    // A merge under way is not worth finishing; one that has just ended must not put its part into the index beside the sealing.
    stateLock.withLock { isSealing = true }
    wait()
    try finish()
    var hashes: [String: String] = [:]
    hashing.sync {
      for (path, stream) in streams {
        // Of an array that is not all there no reader can make the hash.
        if !stream.schema.isStream, stream.rows < stream.schema.axes[0].length ?? 0 { continue }
        hashes[path] = stream.hash.value(
          stream.schema.type, shape: stream.schema.shape(rows: stream.rows))
      }
    }
    for (path, values) in texts {
      let hash = LogicalHash()
      hash.update(values)
      let shape = schema.arrays.first { $0.path == path }?.shape(rows: values.count)
      hashes[path] = hash.value(.utf8, shape: shape ?? [values.count])
    }
    let known = hashes
    let tree = TreeWriter(schema: schema, rows: streams.mapValues(\.rows), texts: texts) {
      known[$0.path]
    }
    do {
      try Sealer(place: place, tree: tree, sources: streams.mapValues(\.sources), pool: pool).run()
    } catch {
      throw explained(error)
    }
    if !keepingParts { try place.removeParts() }
    unfinished?.done()
    onEvent(.sealed(path: place.file))
    return place.file
  }

  /// Stops after a failure: waits for what is under way, and removes the folder when nothing was acknowledged.
  public func abandon() {
    stateLock.withLock { isSealing = true }
    wait()
    if !FileManager.default.fileExists(atPath: place.index) {
      try? place.removeParts()
    }
    unfinished?.done()
  }
}
