import Arrays
import Foundation
import HDF5

/// One array on its way into parts: rows come in, filtered chunks go out.
final class ArrayStream {
  /// Rows that were filtered together.
  final class Block: @unchecked Sendable {
    /// First row, counted from the start of the part.
    let start: Int
    /// Number of rows.
    let rows: Int
    /// Filtered chunks; set by the thread that filters.
    var chunks: [(offset: [Int], bytes: [UInt8])] = []

    init(start: Int, rows: Int) { (self.start, self.rows) = (start, rows) }
  }

  let schema: ArraySchema
  let hash = LogicalHash()
  /// Rows appended since the run began.
  private(set) var rows = 0
  /// Rows of the part being gathered.
  private(set) var partRows = 0
  /// Where committed rows lie.
  var sources: [DatasetCreation.Source] = []
  private var blocks: [Block] = []
  private var tail: [UInt8] = []

  init(_ schema: ArraySchema) { self.schema = schema }

  /// Takes over rows that an earlier process has committed.
  func resume(rows: Int) { self.rows += rows }

  /// Bytes of one row.
  var rowByteCount: Int { schema.rowCount * (schema.type.byteCount ?? 0) }

  /// Rows that make whole chunks.
  private var blockRows: Int { schema.isStream ? schema.chunk[0] : schema.axes[0].length ?? 1 }

  /// Takes rows; returns blocks ready to be filtered with their bytes.
  func append(_ bytes: UnsafeRawBufferPointer) -> [(block: Block, bytes: [UInt8])] {
    precondition(
      rowByteCount > 0 && bytes.count % rowByteCount == 0,
      "\(schema.path): \(bytes.count) bytes are not whole rows of \(rowByteCount)")
    rows += bytes.count / rowByteCount
    partRows += bytes.count / rowByteCount
    tail.append(contentsOf: bytes)
    var ready: [(Block, [UInt8])] = []
    let size = blockRows * rowByteCount
    while tail.count >= size {
      ready.append(cut(size))
    }
    return ready
  }

  /// The rows that do not fill a chunk yet, to be filtered because the part ends; nil when there are none.
  func finishPart() -> (block: Block, bytes: [UInt8])? {
    tail.isEmpty ? nil : cut(tail.count)
  }

  /// Gives up the gathered blocks and begins the next part.
  func takePart() -> (rows: Int, blocks: [Block]) {
    defer { (partRows, blocks) = (0, []) }
    return (partRows, blocks)
  }

  private func cut(_ size: Int) -> (Block, [UInt8]) {
    let start = blocks.last.map { $0.start + $0.rows } ?? 0
    let block = Block(start: start, rows: size / rowByteCount)
    blocks.append(block)
    let bytes = Array(tail.prefix(size))
    tail.removeFirst(size)
    return (block, bytes)
  }

  /// Filters a block's bytes into its chunks. Runs on any thread.
  static func encode(_ block: Block, _ bytes: [UInt8], _ schema: ArraySchema) {
    let grid = ChunkGrid(shape: schema.shape(rows: block.rows), chunk: schema.chunk)
    let elementSize = schema.type.byteCount ?? 1
    bytes.withUnsafeBytes { bytes in
      block.chunks = grid.offsets.map { offset in
        let raw = grid.extract(bytes, elementSize: elementSize, offset: offset)
        let stored = raw.withUnsafeBytes {
          ChunkCodec.encode($0, elementSize: elementSize, schema.filters)
        }
        return ([offset[0] + block.start] + offset.dropFirst(), stored)
      }
    }
  }
}
