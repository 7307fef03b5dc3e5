import Foundation

/// Memory of an image: in huge pages where the system has them.
///
/// A process that draws one figure touches 20 MB once. In pages of 4 KB that is 5,000 faults, which took longer than the drawing.
final class LargeBuffer {
  let start: UnsafeMutableRawPointer
  let count: Int

  /// `count` bytes of zeros; nil when there is no memory.
  init?(count: Int) {
    let page = 2 << 20
    let whole = max(1, (count + page - 1) / page) * page
    // Small images do not fill a huge page.
    let isLarge = count >= page
    let length = isLarge ? whole : max(1, count)
    guard let start = aligned_alloc(isLarge ? page : 64, isLarge ? length : (length + 63) / 64 * 64)
    else { return nil }
    #if os(Linux)
      if isLarge { madvise(start, length, MADV_HUGEPAGE) }
    #endif
    memset(start, 0, count)
    (self.start, self.count) = (start, count)
  }

  deinit { free(start) }

  var bytes: UnsafeMutablePointer<UInt8> { start.assumingMemoryBound(to: UInt8.self) }
}
