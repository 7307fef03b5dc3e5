import Arrays
import Foundation

/// A run's folder, locked and made ready for a recorder: begun anew, gone on with, or taken over as it is.
struct PreparedFolder {
  let place: RunPlace
  /// What the archive holds, with the run id and the provenance it goes on with.
  private(set) var schema: RunSchema
  let lock: FolderLock
  let unfinished: Unfinished
  /// What earlier processes committed; nil of a new run.
  private(set) var parts: RunParts?
  /// Text arrays that were committed.
  private(set) var texts: [String: [String]] = [:]
  /// What is otherwise than in the process that wrote the rows before.
  private(set) var changes: [String] = []

  /// Makes the folder of a new run. See ``RunPlace/prepare(replacing:sources:)`` for what is refused.
  init(new place: RunPlace, _ schema: RunSchema, replacing: Bool) throws {
    schema.validate()
    try place.prepare(replacing: replacing, sources: schema.provenance.sources.map(\.path))
    do {
      try FileManager.default.createDirectory(
        atPath: place.folder, withIntermediateDirectories: false)
    } catch {
      throw ArchiveError(
        .refused,
        "cannot make \(place.folder): \(error.localizedDescription) Choose another place with -o.")
    }
    let lock = try FolderLock(place.folder)
    self.lock = lock
    unfinished = Unfinished { if lock.isHeld { place.removeUncommitted() } }
    (self.place, self.schema) = (place, schema)
    try Self.store(schema, place)
  }

  /// The folder of an interrupted run, cut after the last commit that holds a row of `anchor`. Nil, leaving nothing behind, when
  /// there is no such commit.
  init?(
    resuming place: RunPlace, _ schema: RunSchema, anchor: String, onOtherKernels: Bool
  ) throws {
    guard place.hasFolder else { return nil }
    // Parts are whole, and what they hold may have been acknowledged, whatever became of the index.
    if !FileManager.default.fileExists(atPath: place.index), try RunParts.areThere(in: place.folder)
    {
      _ = try Recorder.takeOver(place)
    }
    let lock = try FolderLock(place.folder)
    if FileManager.default.fileExists(atPath: place.index) {
      try schema.provenance.checkResumable(place, onOtherKernels: onOtherKernels)
    }
    var parts = try RunParts(place.folder, schema)
    guard FileManager.default.fileExists(atPath: place.index), parts.truncate(afterLast: anchor)
    else {
      try place.removeParts(releasing: lock)
      return nil
    }
    try self.init(goingOn: place, schema, parts, lock) { schema, begun in
      let rows = Provenance.Session.rows(schema.arrays) { path in
        parts.items.reduce(0) { $0 + ($1.rows[path] ?? 0) }
      }
      return try schema.provenance.goOn(from: begun, rows: rows)
    }
  }

  /// The folder as it is, with every whole part and the schema that lies in it.
  /// - Throws: ``ArchiveError`` when the folder does not say what it holds, or holds no whole part.
  init(takingOver place: RunPlace) throws {
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
    try self.init(goingOn: place, schema, parts, lock) { schema, begun in
      try schema.provenance.keep(begun)
      return []
    }
  }

  /// `join` brings the provenance of the begun run and that of this process together, and returns what differs.
  private init(
    goingOn place: RunPlace, _ schema: RunSchema, _ parts: RunParts, _ lock: FolderLock,
    _ join: (inout RunSchema, RunReader) throws -> [String]
  ) throws {
    schema.validate()
    (self.place, self.schema, self.parts, self.lock) = (place, schema, parts, lock)
    unfinished = Unfinished { if lock.isHeld { place.removeUncommitted() } }
    // Killed before the first index, a folder has parts and a schema only: texts are empty then.
    guard let begun = try? RunReader(place.folder) else { return }
    self.schema.runID = begun.runID
    changes = try join(&self.schema, begun)
    for array in schema.arrays where array.type == .utf8 && begun.contains(array.path) {
      texts[array.path] = try begun.readTexts(array.path)
    }
  }

  private static func store(_ schema: RunSchema, _ place: RunPlace) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let temporary = place.schemaFile + ".tmp"
    try encoder.encode(schema).write(to: URL(fileURLWithPath: temporary))
    try DurableFile.replace(place.schemaFile, with: temporary)
  }
}
