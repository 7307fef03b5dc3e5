/// Cuts a block of rows into the chunks it is stored in.
struct ChunkGrid {
  /// Lengths of the block's axes.
  let shape: [Int]
  /// Lengths of a chunk.
  let chunk: [Int]

  /// First element of every chunk, in C order.
  var offsets: [[Int]] {
    var offsets: [[Int]] = [[]]
    for (length, step) in zip(shape, chunk) {
      offsets = offsets.flatMap { prefix in
        stride(from: 0, to: max(length, 1), by: step).map { prefix + [$0] }
      }
    }
    return offsets
  }

  /// Runs `body` on the chunk at `offset`, zero where it sticks out of the block. A chunk that lies in one piece is not
  /// copied.
  func withChunk<Result>(
    _ block: UnsafeRawBufferPointer, elementSize: Int, offset: [Int],
    _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    let size = chunk.reduce(1, *) * elementSize
    let isRun =
      offset[0] + chunk[0] <= shape[0] && Array(shape.dropFirst()) == Array(chunk.dropFirst())
    if isRun {
      let start = offset[0] * chunk.dropFirst().reduce(elementSize, *)
      return body(UnsafeRawBufferPointer(rebasing: block[start..<start + size]))
    }
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    defer { target.deallocate() }
    target.initializeMemory(as: UInt8.self, repeating: 0)
    if let from = block.baseAddress, let to = target.baseAddress {
      copy(axis: 0, from: from, to: to, elementSize: elementSize, offset: offset, at: (0, 0))
    }
    return body(UnsafeRawBufferPointer(target))
  }

  private func copy(
    axis: Int, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer,
    elementSize: Int, offset: [Int], at place: (source: Int, target: Int)
  ) {
    let count = min(chunk[axis], shape[axis] - offset[axis])
    if axis == shape.count - 1 {
      (target + place.target * elementSize).copyMemory(
        from: source + (place.source + offset[axis]) * elementSize,
        byteCount: count * elementSize)
      return
    }
    let below = shape[(axis + 1)...].reduce(1, *)
    let belowChunk = chunk[(axis + 1)...].reduce(1, *)
    for i in 0..<count {
      copy(
        axis: axis + 1, from: source, to: target, elementSize: elementSize, offset: offset,
        at: (place.source + (offset[axis] + i) * below, place.target + i * belowChunk))
    }
  }
}
