import Foundation

/// Memory on its way to disk, used again and again: fresh pages cost more than the copying and filtering they are for.
final class MemoryPool: @unchecked Sendable {
  /// Bytes of one chunk or block; goes back to its pool when the last reference ends.
  final class Piece: @unchecked Sendable {
    private let whole: UnsafeMutableRawBufferPointer
    private let pool: MemoryPool
    /// Bytes in use.
    var count = 0

    fileprivate init(_ whole: UnsafeMutableRawBufferPointer, _ pool: MemoryPool) {
      (self.whole, self.pool) = (whole, pool)
    }

    deinit { pool.giveBack(whole) }

    /// The bytes in use.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: whole[..<count]) }

    /// Adds bytes after those in use; there must be room.
    func append(_ more: UnsafeRawBufferPointer) {
      UnsafeMutableRawBufferPointer(rebasing: whole[count...]).copyMemory(from: more)
      count += more.count
    }
  }

  private let lock = NSLock()
  private var free: [Int: [UnsafeMutableRawBufferPointer]] = [:]
  private var freeByteCount = 0
  /// Free memory that is kept; what comes back beyond it goes to the system.
  private static let keep = 96 << 20

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

  /// Memory with room for at least `capacity` bytes, nothing in use.
  func take(_ capacity: Int) -> Piece {
    // Classes an eighth apart: what compresses a little better or worse uses the same memory.
    var size = 4096
    while size < capacity { size += max(4096, size / 8 & ~4095) }
    let known = lock.withLock {
      let known = free[size]?.popLast()
      if known != nil { freeByteCount -= size }
      return known
    }
    return Piece(known ?? Self.allocate(size), self)
  }

  /// Memory that holds a copy of `bytes`.
  func copy(_ bytes: UnsafeRawBufferPointer) -> Piece {
    let piece = take(bytes.count)
    piece.append(bytes)
    return piece
  }

  private func giveBack(_ memory: UnsafeMutableRawBufferPointer) {
    let isKept = lock.withLock {
      guard freeByteCount + memory.count <= Self.keep else { return false }
      freeByteCount += memory.count
      free[memory.count, default: []].append(memory)
      return true
    }
    if !isKept { Self.release(memory) }
  }
}
