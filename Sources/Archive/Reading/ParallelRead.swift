import Arrays
import Foundation
import HDF5

/// What is done with values that were never written.
enum Holes {
  /// They are refused: what wrote the dataset writes all of it, so that somebody cut or damaged it.
  case refused
  /// The fill value stands for them, as in every reader of HDF5.
  case filled
}

/// Reads a block of a chunked dataset with all processors: chunks are fetched as they are stored, under HDF5's one lock,
/// and decoded outside of it. HDF5's own pipeline decodes one chunk at a time.
struct ParallelRead {
  private let dataset: Dataset
  private let elementSize: Int
  private let chunk: [Int]
  private let filters: DatasetCreation.Filters
  private let shape: [Int]
  private let holes: Holes

  /// Nil when the dataset is not chunked, or anything of it is not exactly as we write it: type and byte order, filters and
  /// their order, edges, the fill value. Those are the library's to read.
  init?(_ dataset: Dataset, holes: Holes) throws {
    guard let layout = try dataset.layout, let filters = layout.filters,
      try dataset.isStoredExactly, try dataset.fillValue == .standard
    else { return nil }
    let type = try dataset.elementType
    guard let size = type.byteCount else { return nil }
    self.holes = holes
    (self.dataset, self.filters, chunk) = (dataset, filters, layout.chunk)
    (elementSize, shape) = (size, try dataset.shape)
    // A hostile header may claim any size: chunks beyond 1 GiB go through HDF5, which allocates as it reads.
    guard
      chunk.reduce(elementSize, { $0.multipliedReportingOverflow(by: $1).partialValue }) <= 1 << 30
    else { return nil }
  }

  /// Fills `target` with the block of `count` elements an axis from `start`, in C order.
  /// - Throws: ``HDF5/HDF5Error`` when a chunk cannot be read or decoded.
  func read(start: [Int], count: [Int], into target: UnsafeMutableRawBufferPointer) throws {
    guard let base = target.baseAddress, !count.contains(0) else { return }
    let offsets = intersecting(start, count)
    let state = Failure()
    // Safe to share: every chunk fills its own part of the block.
    nonisolated(unsafe) let memory = base
    DispatchQueue.concurrentPerform(iterations: offsets.count) { index in
      guard !state.isSet else { return }
      do {
        try CodecScratch.with { scratch in
          try read(offsets[index], start, count, into: memory, scratch)
        }
      } catch {
        state.set(error)
      }
    }
    if let error = state.error { throw error }
  }

  private final class Failure: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var error: (any Error)?
    var isSet: Bool { lock.withLock { error != nil } }
    func set(_ error: any Error) { lock.withLock { if self.error == nil { self.error = error } } }
  }

  /// Puts what a chunk and the block share where it belongs.
  private func read(
    _ offset: [Int], _ start: [Int], _ count: [Int], into target: UnsafeMutableRawPointer,
    _ scratch: CodecScratch
  ) throws {
    let size = chunk.reduce(elementSize, *)
    var stored = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    let mask = try dataset.readChunk(offset: offset) { size, read in
      stored = scratch.stored(size)
      try read(stored)
    }
    guard let mask else {
      guard holes == .filled else { throw dataset.hole(offset) }
      return copy(nil, offset, start, count, to: target)
    }
    let place = runOfBytes(offset, start, count).map {
      UnsafeMutableRawBufferPointer(start: target + $0, count: size)
    }
    // The codec borrows a scratch of its own, so this one's buffer is free. Memory from the heap left holes there: some runs
    // took 100 MB more.
    if place == nil { scratch.reserve(size) }
    let decoded = place ?? UnsafeMutableRawBufferPointer(rebasing: scratch.first[..<size])
    guard
      ChunkCodec.decode(
        UnsafeRawBufferPointer(stored), into: decoded, elementSize: elementSize, filters,
        filterMask: mask)
    else {
      throw HDF5Error(
        .notReadable, "the chunk at \(offset) is damaged: its checksum or compression is broken",
        file: dataset.file, path: dataset.path)
    }
    if place == nil { copy(decoded.baseAddress, offset, start, count, to: target) }
  }

  /// Where a chunk begins in the block, when it lies there whole and in one piece; else nil.
  private func runOfBytes(_ offset: [Int], _ start: [Int], _ count: [Int]) -> Int? {
    let axes = shape.indices
    let isWhole = axes.allSatisfy {
      offset[$0] >= start[$0] && offset[$0] + chunk[$0] <= start[$0] + count[$0]
    }
    // Axes after the first that is longer than one element in the chunk must be whole in both.
    let lead = axes.first { chunk[$0] > 1 } ?? shape.count
    guard isWhole, axes.allSatisfy({ $0 <= lead || chunk[$0] == count[$0] }) else { return nil }
    return axes.reduce(0) { $0 * count[$1] + offset[$1] - start[$1] } * elementSize
  }

  /// First elements of the chunks that the block touches.
  private func intersecting(_ start: [Int], _ count: [Int]) -> [[Int]] {
    var offsets: [[Int]] = [[]]
    for axis in shape.indices {
      let first = start[axis] / chunk[axis] * chunk[axis]
      let steps = stride(from: first, to: start[axis] + count[axis], by: chunk[axis])
      offsets = offsets.flatMap { prefix in steps.map { prefix + [$0] } }
    }
    return offsets
  }

  /// Copies what a chunk and the block share; a chunk never written is zero, the fill value of the layout we read.
  private func copy(
    _ bytes: UnsafeMutableRawPointer?, _ offset: [Int], _ start: [Int], _ count: [Int],
    to target: UnsafeMutableRawPointer
  ) {
    let rank = shape.count
    let low = (0..<rank).map { max(offset[$0], start[$0]) }
    let high = (0..<rank).map { min(offset[$0] + chunk[$0], start[$0] + count[$0]) }
    // Trailing axes that chunk and block both hold whole are one run of bytes.
    var last = rank - 1
    while last > 0, chunk[last] == count[last], high[last] - low[last] == count[last] { last -= 1 }
    let run = (high[last] - low[last]) * chunk[(last + 1)...].reduce(1, *) * elementSize
    var index = low
    while true {
      var (source, place) = (0, 0)
      for axis in 0..<rank {
        source = source * chunk[axis] + index[axis] - offset[axis]
        place = place * count[axis] + index[axis] - start[axis]
      }
      if let bytes {
        (target + place * elementSize).copyMemory(
          from: bytes + source * elementSize, byteCount: run)
      } else {
        (target + place * elementSize).initializeMemory(
          as: UInt8.self, repeating: 0, count: run)
      }
      var axis = last - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < high[axis] { break }
        index[axis] = low[axis]
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

extension Dataset {
  /// Reads a block into memory, with all processors where the layout allows it and no conversion is needed.
  ///
  /// Values that were never written are refused in arrays that bear a logical hash, which we write whole, unless a fill value
  /// is declared.
  func readFast(
    into buffer: UnsafeMutableRawBufferPointer, as type: ElementType, start: [Int]?, count: [Int]?,
    holes: Holes? = nil
  ) throws {
    let shape = try shape
    let (start, count) = (start ?? shape.map { _ in 0 }, count ?? shape)
    let fits =
      start.count == shape.count && count.count == shape.count
      && zip(shape, zip(start, count)).allSatisfy {
        $1.0 >= 0 && $1.1 >= 0 && $1.0 <= $0 && $1.1 <= $0 - $1.0
      }
    guard fits else { return try read(into: buffer, as: type, start: start, count: count) }
    let stored = try elementType
    if type == .float32, stored == .float16 || stored == .bfloat16 {
      return try readHalves(stored, into: buffer, start: start, count: count, holes)
    }
    guard count.reduce(type.byteCount ?? 0, *) == buffer.count else {
      return try read(into: buffer, as: type, start: start, count: count)
    }
    if let rows = try JoinedRows(self) {
      return try rows.read(into: buffer, as: type, start: start, count: count)
    }
    let holes = try holes ?? ownHoles
    if stored == type, buffer.count > 1 << 16, let parallel = try ParallelRead(self, holes: holes) {
      return try parallel.read(start: start, count: count, into: buffer)
    }
    if holes == .refused, let place = try firstUnwritten(start: start, count: count) {
      throw hole(place)
    }
    try read(into: buffer, as: type, start: start, count: count)
  }

  /// Whether somebody else may have left values out on purpose.
  var ownHoles: Holes {
    get throws {
      try attribute("logical_sha256") != nil && fillValue == .standard ? .refused : .filled
    }
  }

  func hole(_ place: [Int]) -> HDF5Error {
    HDF5Error(
      .notReadable,
      "the values from \(place) on are not in the file: they were never written, or the file is damaged; copy "
        + "it again, or seal it anew from its folder of parts", file: file, path: path)
  }

  /// HDF5 converts halves bit by bit, hundreds of times slower than a processor does.
  private func readHalves(
    _ stored: ElementType, into buffer: UnsafeMutableRawBufferPointer, start: [Int], count: [Int],
    _ holes: Holes?
  ) throws {
    let size = count.reduce(1, *)
    guard size * 4 == buffer.count else {
      return try read(into: buffer, as: .float32, start: start, count: count)
    }
    let bits = try [UInt16](unsafeUninitializedCapacity: size) { halves, initialized in
      try readFast(
        into: UnsafeMutableRawBufferPointer(halves), as: stored, start: start, count: count,
        holes: holes)
      initialized = size
    }
    let floats = buffer.bindMemory(to: Float.self)
    for (index, bits) in bits.enumerated() {
      floats[index] =
        stored == .float16 ? Float(Float16(bitPattern: bits)) : BFloat16(bitPattern: bits).float
    }
  }
}
