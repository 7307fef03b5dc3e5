import Foundation

/// Memory on its way to disk, used again and again: fresh pages cost more than the copying and filtering they are for.
package final class MemoryPool: @unchecked Sendable {
  /// Bytes of one chunk or block; goes back to its pool when the last reference ends.
  final class Piece: @unchecked Sendable {
    private let whole: UnsafeMutableRawBufferPointer
    private let pool: MemoryPool
    /// Bytes in use.
    private(set) var count = 0

    fileprivate init(_ whole: UnsafeMutableRawBufferPointer, _ pool: MemoryPool) {
      (self.whole, self.pool) = (whole, pool)
    }

    deinit { pool.giveBack(whole, used: count) }

    /// The bytes in use.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: whole[..<count]) }

    /// Adds bytes after those in use; there must be room.
    func append(_ more: UnsafeRawBufferPointer) {
      append(more.count) { $0.copyMemory(from: more) }
    }

    /// Adds `byteCount` bytes after those in use, written by `fill`; there must be room.
    func append(_ byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
      try fill(UnsafeMutableRawBufferPointer(rebasing: whole[count..<count + byteCount]))
      count += byteCount
      pool.use(byteCount)
    }
  }

  /// Bytes in use beyond which ``wait(for:while:)`` waits, and bytes in use and kept free beyond which nothing is kept.
  let limit: Int
  private let room = NSCondition()
  private var free: [Int: [UnsafeMutableRawBufferPointer]] = [:]
  private var freeByteCount = 0
  private var usedByteCount = 0

  /// An empty pool.
  package init(limit: Int) { self.limit = limit }

  deinit {
    for list in free.values { for memory in list { Self.release(memory) } }
  }

  /// Pages of its own for each piece: what goes back to the heap in the order of chance leaves holes there, and a long run's memory
  /// grew by half from 1 to 10 GB.
  private static func allocate(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let pages = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(pages != MAP_FAILED, "memory is exhausted: \(byteCount) bytes for rows to write")
    return UnsafeMutableRawBufferPointer(start: pages, count: byteCount)
  }

  private static func release(_ memory: UnsafeMutableRawBufferPointer) {
    munmap(memory.baseAddress, memory.count)
  }

  /// Memory with room for at least `capacity` bytes, nothing in use. Never waits.
  func take(_ capacity: Int) -> Piece {
    // Classes an eighth apart: what compresses a little better or worse uses the same memory.
    var size = 4096
    while size < capacity { size += max(4096, size / 8 & ~4095) }
    var superfluous: [UnsafeMutableRawBufferPointer] = []
    let known = room.withLock { () -> UnsafeMutableRawBufferPointer? in
      if let known = takeFree(size) { return known }
      // Memory of other classes makes room for this one.
      while usedByteCount + freeByteCount + size > limit, let largest = free.keys.max(),
        let memory = takeFree(largest)
      {
        superfluous.append(memory)
      }
      return nil
    }
    superfluous.forEach(Self.release)
    return Piece(known ?? Self.allocate(size), self)
  }

  private func takeFree(_ size: Int) -> UnsafeMutableRawBufferPointer? {
    guard let memory = free[size]?.popLast() else { return nil }
    if free[size]?.isEmpty == true { free[size] = nil }
    freeByteCount -= size
    return memory
  }

  /// Memory that holds a copy of `bytes`.
  func copy(_ bytes: UnsafeRawBufferPointer) -> Piece {
    let piece = take(bytes.count)
    piece.append(bytes)
    return piece
  }

  /// Waits while `byteCount` more bytes in use would pass the limit and `willComeBack` says that some in use will be
  /// given back. Returns whether it waited.
  func wait(for byteCount: Int, while willComeBack: () -> Bool) -> Bool {
    room.lock()
    defer { room.unlock() }
    var waited = false
    while usedByteCount + byteCount > limit && willComeBack() {
      waited = true
      room.wait()
    }
    return waited
  }

  /// Waits while `isBusy`, which is asked again after each ``wake()``. Returns whether it waited.
  func wait(while isBusy: () -> Bool) -> Bool {
    room.lock()
    defer { room.unlock() }
    var waited = false
    while isBusy() {
      waited = true
      room.wait()
    }
    return waited
  }

  /// What `willComeBack` or `isBusy` looks at has changed.
  func wake() { room.withLock { room.broadcast() } }

  /// Counts bytes as in use before they are, or, negative, no longer.
  func use(_ byteCount: Int) { room.withLock { usedByteCount += byteCount } }

  private func giveBack(_ memory: UnsafeMutableRawBufferPointer, used: Int) {
    let isKept = room.withLock {
      usedByteCount -= used
      room.broadcast()
      guard usedByteCount + freeByteCount + memory.count <= limit else { return false }
      freeByteCount += memory.count
      free[memory.count, default: []].append(memory)
      return true
    }
    if !isKept { Self.release(memory) }
  }
}
