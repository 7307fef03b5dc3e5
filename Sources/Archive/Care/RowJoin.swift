import Arrays
import Dispatch
import HDF5

/// Writes the rows of one array, joined from pieces, into a new dataset.
///
/// Where a chunk of the target lies whole in one piece, on its chunk grid and with its filters, it is copied as it is
/// stored. Elsewhere the rows are read, cut anew and filtered on all processors.
struct RowJoin {
  /// Rows of the target that come from all of a dataset.
  struct Piece {
    /// Opens the dataset; few are held open at a time.
    let open: () throws -> Dataset
    /// First row in the target.
    let start: Int
    /// Rows.
    let count: Int
  }

  let array: ArraySchema
  /// In order, without a gap.
  let pieces: [Piece]
  private let rows: Int
  private let pool: MemoryPool
  private let holes: Holes?
  private let leadingAxes: Int

  /// The rows of `pieces` one after the other, with memory of `pool`; without `holes`, each dataset decides what they mean. The target
  /// may have `leadingAxes` of length 1 before the rows.
  init(
    _ array: ArraySchema, _ pieces: [Piece], _ pool: MemoryPool, holes: Holes? = .refused,
    leadingAxes: Int = 0
  ) {
    (self.array, self.pieces, self.pool) = (array, pieces.filter { $0.count > 0 }, pool)
    (self.holes, self.leadingAxes) = (holes, leadingAxes)
    rows = pieces.map(\.count).reduce(0, +)
  }

  /// Bytes that are read at a time where chunks cannot be copied.
  private static let budget = 8 << 20

  /// Fills the first rows of `target` by the library, which puts the fill value beside them in a chunk they do not fill.
  func writeBeginning(of target: Dataset) throws {
    let step = max(1, Self.budget / max(rowByteCount, 1))
    for piece in pieces {
      let dataset = try piece.open()
      for row in stride(from: 0, to: piece.count, by: step) {
        let shape = shape(min(step, piece.count - row))
        let rest = shape.dropFirst().map { _ in 0 }
        var bytes = [UInt8](repeating: 0, count: shape[0] * rowByteCount)
        try bytes.withUnsafeMutableBytes {
          try dataset.readFast(
            into: $0, as: array.type, start: [row] + rest, count: shape, holes: holes)
        }
        try bytes.withUnsafeBytes {
          try target.write(
            from: $0, as: array.type, start: [piece.start + row] + rest, count: shape)
        }
      }
    }
  }

  /// Fills `target`; gives up early, leaving it unfinished, when `isCancelled` says so between two blocks. `written` is told the
  /// bytes of rows that were handed to the library.
  func write(
    to target: Dataset, isCancelled: () -> Bool = { false }, written: (Int) -> Void = { _ in }
  ) throws {
    let shape = shape(rows)
    guard rows > 0, !shape.contains(0) else { return }
    let chunk = try (target.layout?.chunk).map { Array($0.dropFirst(leadingAxes)) } ?? shape
    let step = chunk[0]
    // Pieces with the target's chunks, filters and type may be copied as they are stored.
    let shared = try pieces.map {
      let dataset = try $0.open()
      let layout = try dataset.layout
      return try layout?.chunk == chunk && layout?.filters == array.filters
        && dataset.elementType == array.type && dataset.isStoredExactly
    }
    var current: (index: Int, dataset: Dataset)?
    var gathered: Range<Int>?
    for start in stride(from: 0, to: rows, by: step) {
      if isCancelled() { return }
      let band = start..<min(start + step, rows)
      if let index = pieces.lastIndex(where: { $0.start <= start }), shared[index],
        (start - pieces[index].start) % step == 0,
        band.upperBound <= pieces[index].start + pieces[index].count
      {
        if let range = gathered { try convert(range, chunk, to: target) }
        gathered = nil
        let source =
          try current.flatMap { $0.index == index ? $0.dataset : nil } ?? pieces[index].open()
        current = (index, source)
        try copy(band, chunk, from: source, at: pieces[index].start, to: target)
        written(band.count * rowByteCount)
        continue
      }
      gathered = (gathered?.lowerBound ?? start)..<band.upperBound
      if let range = gathered, range.count * rowByteCount >= Self.budget {
        try convert(range, chunk, to: target)
        written(range.count * rowByteCount)
        gathered = nil
      }
    }
    if let range = gathered { try convert(range, chunk, to: target) }
  }

  private func shape(_ count: Int) -> [Int] { [count] + array.shape(rows: count).dropFirst() }

  private var lead: [Int] { [Int](repeating: 0, count: leadingAxes) }

  private var rowByteCount: Int { array.rowCount * (array.type.byteCount ?? 1) }

  private func copy(
    _ band: Range<Int>, _ chunk: [Int], from source: Dataset, at start: Int, to target: Dataset
  ) throws {
    let grid = ChunkGrid(shape: shape(band.count), chunk: chunk)
    for offset in grid.offsets {
      let place = [band.lowerBound - start] + offset.dropFirst()
      guard let stored = try source.readChunk(offset: place) else {
        guard try (holes ?? source.ownHoles) == .filled else { throw source.hole(place) }
        continue
      }
      try stored.bytes.withUnsafeBytes {
        try target.writeChunk(
          $0, offset: lead + [band.lowerBound] + offset.dropFirst(), filterMask: stored.filterMask)
      }
    }
  }

  /// Reads the rows, a stretch of the second axis at a time where they are many bytes, and writes their chunks.
  private func convert(_ range: Range<Int>, _ chunk: [Int], to target: Dataset) throws {
    let shape = shape(range.count)
    let width = shape.count > 1 ? shape[1] : 1
    let stretch: Int
    if shape.count > 1 {
      let column = max(range.count * rowByteCount / width, 1)
      let chunks = max(1, Self.budget / max(column * chunk[1], 1))
      stretch = min(width, chunks * chunk[1])
    } else {
      stretch = 1
    }
    for column in stride(from: 0, to: width, by: stretch) {
      var part = shape
      var from = shape.map { _ in 0 }
      if shape.count > 1 {
        part[1] = min(stretch, width - column)
        from[1] = column
      }
      let block = pool.take(part.reduce(array.type.byteCount ?? 1, *))
      try read(range, start: from, shape: part, into: block)
      from[0] = range.lowerBound
      try write(block.bytes, at: from, shape: part, chunk, to: target)
    }
  }

  /// The block that begins at row `range.lowerBound` and `start[1...]`, from whichever pieces hold it.
  private func read(
    _ range: Range<Int>, start: [Int], shape: [Int], into block: MemoryPool.Piece
  ) throws {
    let size = array.type.byteCount ?? 1
    let rowBytes = shape.dropFirst().reduce(size, *)
    try block.append(shape[0] * rowBytes) { bytes in
      for piece in pieces {
        let low = max(range.lowerBound, piece.start)
        let high = min(range.upperBound, piece.start + piece.count)
        guard low < high else { continue }
        let part = bytes[(low - range.lowerBound) * rowBytes..<(high - range.lowerBound) * rowBytes]
        try piece.open().readFast(
          into: UnsafeMutableRawBufferPointer(rebasing: part), as: array.type,
          start: [low - piece.start] + start.dropFirst(), count: [high - low] + shape.dropFirst(),
          holes: holes)
      }
    }
  }

  private func write(
    _ bytes: UnsafeRawBufferPointer, at start: [Int], shape: [Int], _ chunk: [Int],
    to target: Dataset
  ) throws {
    let grid = ChunkGrid(shape: shape, chunk: chunk)
    let offsets = grid.offsets
    let size = array.type.byteCount ?? 1
    var chunks = [MemoryPool.Piece?](repeating: nil, count: offsets.count)
    let (filters, pool) = (array.filters, pool)
    chunks.withUnsafeMutableBufferPointer { chunks in
      // Safe to share: every iteration fills its own chunk.
      nonisolated(unsafe) let chunks = chunks
      nonisolated(unsafe) let bytes = bytes
      DispatchQueue.concurrentPerform(iterations: offsets.count) { index in
        chunks[index] = grid.withChunk(bytes, elementSize: size, offset: offsets[index]) {
          ChunkCodec.encode($0, elementSize: size, filters) { pool.copy($0) }
        }
      }
    }
    // Written in order: the same rows make the same file.
    for (offset, chunk) in zip(offsets, chunks) {
      guard let chunk else { continue }
      try target.writeChunk(chunk.bytes, offset: lead + zip(offset, start).map { $0 + $1 })
    }
  }
}
