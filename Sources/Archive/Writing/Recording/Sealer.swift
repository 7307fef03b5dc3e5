import Arrays
import Foundation
import HDF5

/// Joins the parts of a run into one self-contained file.
///
/// See ``RowJoin`` for what is copied as it is stored. Killed at any moment, the folder is still whole.
struct Sealer {
  let place: RunPlace
  let tree: TreeWriter
  let sources: [String: [DatasetCreation.Source]]
  let pool: MemoryPool
  let lock: FolderLock

  func run() throws {
    let temporary = place.half
    let unfinished = Unfinished { unlink(temporary) }
    do {
      let file = try File.create(temporary, replacing: true)
      let files = PartFiles(place.folder)
      // What is on its way to disk while the rest is copied and read back need not be waited for at the end.
      var unwritten = 0
      func written(_ count: Int) {
        unwritten += count
        guard unwritten > 16 << 20 else { return }
        file.beginWritingOut()
        unwritten = 0
      }
      try tree.write(to: file, finished: Date()) { group, array, shape in
        let isPartial = tree.rowsWritten(array) != nil
        var creation = DatasetCreation(
          maximumShape: array.isStream
            ? array.leadShape.map { $0 } + [nil] + shape.dropFirst().map { $0 } : nil,
          chunk: array.leadShape + array.chunk(rows: shape.first ?? 1), filters: array.filters)
        creation.marksUnwritten = isPartial
        let dataset = try group.createDataset(
          array.name, array.type, shape: array.leadShape + shape, creation)
        let pieces = (sources[array.path] ?? []).filter { $0.count > 0 }.map { source in
          RowJoin.Piece(
            open: { try files.root(source.file).dataset(source.dataset) }, start: source.start,
            count: source.count)
        }
        let join = RowJoin(array, pieces, pool, leadingAxes: array.leadShape.count)
        if isPartial {
          try join.writeBeginning(of: dataset)
        } else {
          try join.write(to: dataset, written: written)
        }
        return dataset
      }
      try file.close()
      try readBack(temporary)
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    try unfinished.done { try DurableFile.replace(place.file, with: temporary, holding: lock) }
  }

  /// Reads the sealed file, and compares the hash of each array with that of the rows that were appended.
  private func readBack(_ file: String) throws {
    let root = try File.open(file).root
    let hasher = BlockHasher()
    for array in tree.schema.arrays {
      guard let expected = try tree.hash(array), root.contains(array.path) else { continue }
      guard try root.dataset(array.path).valueHash(as: array.type, hasher) == expected else {
        throw ArchiveError(
          .system,
          "\(array.path): the sealed file does not hold the values that were recorded; the parts in \(place.folder) are kept. Either one of them "
            + "was changed since: remove it and go on with --resume, which computes its rows anew; or the disk is at fault: seal on another"
        )
      }
    }
  }
}
