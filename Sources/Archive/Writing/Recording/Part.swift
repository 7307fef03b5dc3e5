import Foundation
import HDF5

/// One immutable file of a run being written: the rows of one commit, or of some that follow each other.
struct Part: Sendable {
  /// New rows of one array.
  struct Content: Sendable {
    let schema: ArraySchema
    let rows: Int
    let blocks: [ArrayStream.Block]

    init(_ schema: ArraySchema, _ rows: Int, _ blocks: [ArrayStream.Block]) {
      (self.schema, self.rows, self.blocks) = (schema, rows, blocks)
    }
  }

  /// One commit, which is acknowledged when its part is safe.
  struct Commit: Sendable {
    /// Counted from 0 when the run began.
    let number: Int
    /// Rows of every array after it.
    let rows: [String: Int]
  }

  let name: PartName
  let content: [Content]
  /// The commits whose rows it holds.
  let commits: [Commit]
  /// Bytes of the rows before filtering.
  let byteCount: Int
  /// How far the hashes are at its end.
  let hashStates: HashStates
  /// What the program needs to go on after it; nil where it cannot.
  let resumeState: [UInt8]?

  /// Rows of each array in it, and 1 for a state to go on from.
  var counts: [String: Int] {
    var counts = Dictionary(uniqueKeysWithValues: content.map { ($0.schema.path, $0.rows) })
    if resumeState != nil { counts[Layout.Parts.resumeState] = 1 }
    return counts
  }

  /// Writes the part durably; the blocks must have been filtered. Returns the bytes of the file.
  func write(in folder: String, holding lock: FolderLock) throws -> Int {
    let temporary = "\(folder)/.\(name.file).\(lock.mark).tmp"
    do {
      let file = try File.create(temporary, replacing: true)
      let root = try file.root
      var unwritten = 0
      for item in content {
        let dataset = try Part.makeDataset(item.schema, rows: item.rows, in: root)
        for block in item.blocks {
          for (offset, bytes) in block.chunks {
            try dataset.writeChunk(bytes.bytes, offset: offset)
          }
          // Written: memory for rows to come. On its way to disk meanwhile: less to wait for at the end.
          unwritten += block.chunks.reduce(0) { $0 + $1.bytes.bytes.count }
          block.chunks = []
          if unwritten > 4 << 20 {
            file.beginWritingOut()
            unwritten = 0
          }
        }
      }
      try HashStates.write(hashStates.wait(), to: root)
      if let resumeState { try Self.write(resumeState, to: root) }
      try file.close()
      try DurableFile.replace(folder + "/" + name.file, with: temporary, holding: lock)
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    return Self.byteCount(of: folder + "/" + name.file)
  }

  /// Bytes of a part's file; 0 when it is gone.
  static func byteCount(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Writes a state to go on from into a part that is being made.
  static func write(_ resumeState: [UInt8], to root: Group) throws {
    try PartRecord.write(resumeState, Layout.Parts.resumeState, to: root)
  }

  /// The empty dataset of `rows` rows of an array, in a part's file.
  static func makeDataset(_ array: ArraySchema, rows: Int, in root: Group) throws -> Dataset {
    let group = array.group == "/" ? root : try root.makeGroup(array.group)
    let shape = array.shape(rows: rows)
    return try group.createDataset(
      array.name, array.type, shape: shape,
      DatasetCreation(
        maximumShape: [nil] + shape.dropFirst().map { $0 }, chunk: array.chunk(rows: rows),
        filters: array.filters))
  }
}
