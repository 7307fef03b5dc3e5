import Arrays
import Foundation

/// One array on its way into parts: rows come in, filtered chunks go out.
final class ArrayStream {
  /// Rows that were filtered together.
  final class Block: @unchecked Sendable {
    /// First row, counted from the start of the part.
    let start: Int
    /// Number of rows.
    let rows: Int
    /// Filtered chunks; set by the thread that filters.
    var chunks: [(offset: [Int], bytes: MemoryPool.Piece)] = []

    init(start: Int, rows: Int) { (self.start, self.rows) = (start, rows) }
  }

  let schema: ArraySchema
  /// Rows appended since the run began.
  private(set) var rows = 0
  /// Rows of the part being gathered.
  private(set) var partRows = 0
  private var blocks: [Block] = []
  private var tail: MemoryPool.Piece?
  private let pool: MemoryPool

  init(_ schema: ArraySchema, _ pool: MemoryPool) { (self.schema, self.pool) = (schema, pool) }

  /// Takes over rows that an earlier process has committed.
  func resume(rows: Int) { self.rows += rows }

  /// Bytes of one row.
  var rowByteCount: Int { schema.rowCount * (schema.type.byteCount ?? 0) }

  /// Rows that make whole chunks.
  private var blockRows: Int { schema.isStream ? schema.chunk[0] : schema.axes[0].length ?? 1 }

  /// Takes rows; returns blocks ready to be filtered with their bytes.
  func append(_ bytes: UnsafeRawBufferPointer) -> [(block: Block, bytes: MemoryPool.Piece)] {
    precondition(
      rowByteCount > 0 && bytes.count % rowByteCount == 0,
      "\(schema.path): \(bytes.count) bytes are not whole rows of \(rowByteCount)")
    rows += bytes.count / rowByteCount
    partRows += bytes.count / rowByteCount
    var ready: [(Block, MemoryPool.Piece)] = []
    let size = blockRows * rowByteCount
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = tail ?? pool.take(size)
      let count = min(size - piece.count, rest.count)
      piece.append(UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
      rest = rest.dropFirst(count)
      tail = piece.count < size ? piece : nil
      if tail == nil { ready.append(makeBlock(piece)) }
    }
    return ready
  }

  /// The rows that do not fill a chunk yet, to be filtered because the part ends; nil when there are none.
  func finishPart() -> (block: Block, bytes: MemoryPool.Piece)? {
    guard let piece = tail else { return nil }
    tail = nil
    return makeBlock(piece)
  }

  /// Gives up the gathered blocks and begins the next part.
  func takePart() -> (rows: Int, blocks: [Block]) {
    defer { (partRows, blocks) = (0, []) }
    return (partRows, blocks)
  }

  private func makeBlock(_ bytes: MemoryPool.Piece) -> (Block, MemoryPool.Piece) {
    let start = blocks.last.map { $0.start + $0.rows } ?? 0
    let block = Block(start: start, rows: bytes.count / rowByteCount)
    blocks.append(block)
    return (block, bytes)
  }

  /// Filters a block's bytes into its chunks. Runs on any thread.
  static func encode(
    _ block: Block, _ bytes: MemoryPool.Piece, _ schema: ArraySchema, _ pool: MemoryPool
  ) {
    // Only a part's first block can be shorter than a chunk and alone.
    let chunk = block.start == 0 ? schema.chunk(rows: block.rows) : schema.chunk
    let grid = ChunkGrid(shape: schema.shape(rows: block.rows), chunk: chunk)
    let elementSize = schema.type.byteCount ?? 1
    let offsets = grid.offsets
    if schema.filters == .none, offsets.count == 1, grid.shape == grid.chunk {
      block.chunks = [([block.start] + offsets[0].dropFirst(), bytes)]
      return
    }
    block.chunks = offsets.map { offset in
      let stored = grid.withChunk(bytes.bytes, elementSize: elementSize, offset: offset) {
        ChunkCodec.encode($0, elementSize: elementSize, schema.filters) { pool.copy($0) }
      }
      return ([offset[0] + block.start] + offset.dropFirst(), stored)
    }
  }
}
