import Foundation
import HDF5

/// Joins the parts of a run into one self-contained file.
///
/// Where every part but the last ends on a whole chunk, the chunks are copied as they are stored; where not (short
/// streams of scalars), the rows are read and chunked anew. Killed at any moment, the folder is still whole.
struct Sealer {
  let place: RunPlace
  let tree: TreeWriter
  let sources: [String: [DatasetCreation.Source]]

  func run() throws {
    let temporary = place.stem + ".h5.sealing"
    do {
      let file = try File.create(temporary, replacing: true)
      var parts: [String: File] = [:]
      try tree.write(to: file, finished: Date()) { group, array, shape in
        let dataset = try group.createDataset(
          array.name, array.type, shape: shape,
          DatasetCreation(
            maximumShape: array.isStream ? [nil] + shape.dropFirst().map { $0 } : nil,
            chunk: array.chunk, filters: array.filters))
        for source in sources[array.path] ?? [] where source.count > 0 {
          let part: File
          if let open = parts[source.file] {
            part = open
          } else {
            part = try File.open(place.folder + "/" + source.file)
            parts[source.file] = part
          }
          try copy(array, source, from: part, to: dataset)
        }
        return dataset
      }
      try file.close()
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    try DurableFile.replace(place.file, with: temporary)
  }

  private func copy(
    _ array: ArraySchema, _ source: DatasetCreation.Source, from part: File, to target: Dataset
  ) throws {
    let dataset = try part.root.dataset(source.dataset)
    let aligned = source.start % array.chunk[0] == 0
    let last = (sources[array.path]?.last).map { $0.start == source.start } ?? false
    if aligned && (last || source.count % array.chunk[0] == 0) {
      let grid = ChunkGrid(shape: array.shape(rows: source.count), chunk: array.chunk)
      for offset in grid.offsets {
        guard let chunk = try dataset.readChunk(offset: offset) else { continue }
        try chunk.bytes.withUnsafeBytes {
          try target.writeChunk(
            $0, offset: [offset[0] + source.start] + offset.dropFirst(),
            filterMask: chunk.filterMask)
        }
      }
      return
    }
    // At most about 16 MiB at a time, so that memory does not grow with the run.
    let rowBytes = array.rowCount * (array.type.byteCount ?? 1)
    let step = max(1, (16 << 20) / max(rowBytes, 1))
    var row = 0
    while row < source.count {
      let count = min(step, source.count - row)
      let shape = array.shape(rows: count)
      let rest = shape.dropFirst().map { _ in 0 }
      var bytes = [UInt8](repeating: 0, count: count * rowBytes)
      try bytes.withUnsafeMutableBytes {
        try dataset.read(into: $0, as: array.type, start: [row] + rest, count: shape)
      }
      try bytes.withUnsafeBytes {
        try target.write(
          from: $0, as: array.type, start: [source.start + row] + rest, count: shape)
      }
      row += count
    }
  }
}
