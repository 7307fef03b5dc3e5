import Foundation
import HDF5

/// Joins neighbouring parts into one, durably, beside the parts it was made from.
package struct PartMerger: Sendable {
  package let folder: String
  package let parts: [PartName]
  package let arrays: [ArraySchema]
  private let pool: MemoryPool
  private let lock: FolderLock?

  package init(
    folder: String, parts: [PartName], arrays: [ArraySchema], pool: MemoryPool,
    holding lock: FolderLock? = nil
  ) {
    (self.folder, self.parts, self.arrays, self.pool) = (folder, parts, arrays, pool)
    self.lock = lock
  }

  /// Writes the merged part; nil, leaving nothing, when `isCancelled` said so.
  package func run(isCancelled: () -> Bool) throws -> PartName? {
    guard let first = parts.first?.first, let last = parts.last?.last else { return nil }
    let merged = PartName(first, last)
    let temporary = "\(folder)/.\(merged.file).\(lock?.mark ?? "").tmp"
    do {
      let file = try File.create(temporary, replacing: true)
      let root = try file.root
      // Each array is looked for in every part: opening sixteen files once costs less than each of them once an array.
      let files = PartFiles(folder, limit: min(parts.count, 16))
      var unwritten = 0
      for array in arrays where !isCancelled() {
        try join(array, files, root, isCancelled) { count in
          unwritten += count
          guard unwritten > 4 << 20 else { return }
          file.beginWritingOut()
          unwritten = 0
        }
      }
      try keepStates(files, root)
      try file.close()
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    guard !isCancelled() else {
      try FileManager.default.removeItem(atPath: temporary)
      return nil
    }
    try DurableFile.replace(folder + "/" + merged.file, with: temporary, holding: lock)
    return merged
  }

  /// What the parts hold besides rows: the hash of each array is as far as in the last part that has rows of it.
  private func keepStates(_ files: PartFiles, _ root: Group) throws {
    var states: [String: [UInt8]] = [:]
    var resumeState: PartRecord.Raw?
    for part in parts {
      let source = try files.root(part.file)
      let known = HashStates.read(source)
      for array in arrays where source.contains(array.path) {
        states[array.path] = known[array.path]
      }
      if source.contains(Layout.Parts.resumeState) {
        resumeState = try PartRecord.Raw(Layout.Parts.resumeState, source)
      }
    }
    try HashStates.write(states, to: root)
    try resumeState?.write(Layout.Parts.resumeState, to: root)
  }

  private func join(
    _ array: ArraySchema, _ files: PartFiles, _ root: Group, _ isCancelled: () -> Bool,
    _ written: (Int) -> Void
  ) throws {
    var pieces: [RowJoin.Piece] = []
    var rows = 0
    for part in parts where try files.root(part.file).contains(array.path) {
      let open = { try files.root(part.file).dataset(array.path) }
      let count = try open().shape[0]
      pieces.append(RowJoin.Piece(open: open, start: rows, count: count))
      rows += count
    }
    guard rows > 0 else { return }
    let dataset = try Part.makeDataset(array, rows: rows, in: root)
    try RowJoin(array, pieces, pool).write(
      to: dataset, isCancelled: isCancelled, written: written)
  }
}
