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

  func run() throws {
    let temporary = place.half
    let unfinished = Unfinished { unlink(temporary) }
    do {
      let file = try File.create(temporary, replacing: true)
      let files = PartFiles(place.folder)
      try tree.write(to: file, finished: Date()) { group, array, shape in
        let dataset = try group.createDataset(
          array.name, array.type, shape: shape,
          DatasetCreation(
            maximumShape: array.isStream ? [nil] + shape.dropFirst().map { $0 } : nil,
            chunk: array.chunk(rows: shape.first ?? 1), filters: array.filters))
        let pieces = (sources[array.path] ?? []).filter { $0.count > 0 }.map { source in
          RowJoin.Piece(
            open: { try files.root(source.file).dataset(source.dataset) }, start: source.start,
            count: source.count)
        }
        try RowJoin(array, pieces, pool).write(to: dataset)
        return dataset
      }
      try file.close()
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    try unfinished.done { try DurableFile.replace(place.file, with: temporary) }
  }
}
