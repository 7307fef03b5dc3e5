import Foundation

/// Hashes blocks of arrays in order, which one processor does, while the others read and decode what comes next.
///
/// At most four blocks are in memory, in buffers that are used again: fresh ones would cost a page fault every 4 KiB.
final class BlockHasher: @unchecked Sendable {
  private let queue = DispatchQueue(label: "archive.hashing")
  private let free = DispatchSemaphore(value: 4)
  private let lock = NSLock()
  private var buffers: [UnsafeMutableRawBufferPointer] = []

  deinit { buffers.forEach { $0.deallocate() } }

  /// Fills a buffer of `byteCount` bytes with `fill`; they enter `hash` after all that was handed over before. Waits while
  /// four buffers are in use.
  func add<Result>(
    _ byteCount: Int, to hash: LogicalHash,
    fill: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    free.wait()
    var buffer =
      lock.withLock { buffers.popLast() } ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
    if buffer.count < byteCount {
      buffer.deallocate()
      buffer = .allocate(byteCount: byteCount, alignment: 64)
    }
    let filled: Result
    do {
      filled = try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount]))
    } catch {
      giveBack(buffer)
      throw error
    }
    // Safe to share: nobody else has the buffer until it is given back.
    nonisolated(unsafe) let block = buffer
    queue.async {
      hash.update(UnsafeRawBufferPointer(rebasing: block[..<byteCount]))
      self.giveBack(block)
    }
    return filled
  }

  /// Runs `body` when all blocks handed over so far are hashed.
  func afterwards(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }

  /// Waits until everything handed over is done.
  func wait() { queue.sync {} }

  private func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
    lock.withLock { buffers.append(buffer) }
    free.signal()
  }
}
