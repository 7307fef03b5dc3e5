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
    for list in free.values { for memory in list { memory.deallocate() } }
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
    return Piece(known ?? .allocate(byteCount: size, alignment: 4096), self)
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
    if !isKept { memory.deallocate() }
  }
}
