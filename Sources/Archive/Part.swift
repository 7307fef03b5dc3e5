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

  let number: Int
  let content: [Content]
  /// Rows of every array once this part is safe.
  let rows: [String: Int]
  /// Bytes of the rows before filtering.
  let byteCount: Int

  /// File name in the run's folder.
  var name: String { Part.name(number) }

  /// File name of the part number `number`.
  static func name(_ number: Int) -> String {
    let digits = String(number)
    return "part-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".h5"
  }

  /// Writes the part durably; the blocks must have been filtered.
  func write(in folder: String) throws {
    let temporary = folder + "/." + name + ".tmp"
    do {
      let file = try File.create(temporary, replacing: true)
      let root = try file.root
      for item in content {
        let schema = item.schema
        let group = schema.group == "/" ? root : try root.makeGroup(schema.group)
        let dataset = try group.createDataset(
          schema.name, schema.type, shape: schema.shape(rows: item.rows),
          DatasetCreation(
            maximumShape: [nil] + schema.shape(rows: item.rows).dropFirst().map { $0 },
            chunk: schema.chunk, filters: schema.filters))
        for block in item.blocks {
          for (offset, bytes) in block.chunks {
            try bytes.withUnsafeBytes { try dataset.writeChunk($0, offset: offset) }
          }
        }
      }
      try file.close()
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    try DurableFile.replace(folder + "/" + name, with: temporary)
  }
}
