import CDeflate
import Foundation

/// Memory and libdeflate states that filtering reuses. Allocating them for every chunk costs more page faults than the
/// copying itself.
final class CodecScratch: @unchecked Sendable {
  private(set) var first = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private(set) var second = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var chunk = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var compressors: [Int: OpaquePointer] = [:]
  private var decompressor: OpaquePointer?

  private static let lock = NSLock()
  nonisolated(unsafe) private static var free: [CodecScratch] = []

  /// Runs `body` with scratch that no other thread uses meanwhile.
  static func with<Result>(_ body: (CodecScratch) throws -> Result) rethrows -> Result {
    let scratch = lock.withLock { free.popLast() } ?? CodecScratch()
    defer { lock.withLock { free.append(scratch) } }
    return try body(scratch)
  }

  /// Makes both buffers at least this long; what they held is gone.
  func reserve(_ byteCount: Int) {
    guard first.count < byteCount else { return }
    first.deallocate()
    second.deallocate()
    first = .allocate(byteCount: byteCount, alignment: 64)
    second = .allocate(byteCount: byteCount, alignment: 64)
  }

  /// Memory for a chunk as it is stored, kept beside the two buffers.
  func stored(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    if chunk.count < byteCount {
      chunk.deallocate()
      chunk = .allocate(byteCount: byteCount, alignment: 64)
    }
    return UnsafeMutableRawBufferPointer(rebasing: chunk[..<byteCount])
  }

  func compressor(_ level: Int) -> OpaquePointer {
    if let known = compressors[level] { return known }
    guard let made = libdeflate_alloc_compressor(Int32(level)) else {
      preconditionFailure("libdeflate has no level \(level), or memory is exhausted")
    }
    compressors[level] = made
    return made
  }

  var inflater: OpaquePointer? {
    if decompressor == nil { decompressor = libdeflate_alloc_decompressor() }
    return decompressor
  }

  deinit {
    first.deallocate()
    second.deallocate()
    chunk.deallocate()
    for compressor in compressors.values { libdeflate_free_compressor(compressor) }
    if let decompressor { libdeflate_free_decompressor(decompressor) }
  }
}
