import Foundation
import HDF5

/// One immutable file of a run being written: the rows of one commit.
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

  let name: PartName
  let content: [Content]
  /// Rows of every array once this part is safe.
  let rows: [String: Int]
  /// Bytes of the rows before filtering.
  let byteCount: Int

  /// Writes the part durably; the blocks must have been filtered.
  func write(in folder: String) throws {
    let temporary = folder + "/." + name.file + ".tmp"
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
          // Written: memory for rows to come.
          unwritten += block.chunks.reduce(0) { $0 + $1.bytes.bytes.count }
          block.chunks = []
          if unwritten > 4 << 20 {
            file.beginWritingOut()
            unwritten = 0
          }
        }
      }
      try file.close()
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    try DurableFile.replace(folder + "/" + name.file, with: temporary)
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
