/// Aligned memory for one purpose, allocated once and reused; zero at the start.
public final class Buffer<S: KernelScalar>: @unchecked Sendable {
  /// Number of elements.
  public let count: Int
  /// The first element, aligned to 64 bytes.
  public let start: UnsafeMutablePointer<S>

  /// `count` zeros.
  public init(_ count: Int) {
    self.count = count
    let bytes = max(count, 1) * MemoryLayout<S>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    start = raw.bindMemory(to: S.self, capacity: max(count, 1))
  }

  deinit { UnsafeMutableRawPointer(start).deallocate() }

  /// Sets every element to zero, whose bits are zero too: a generic loop over elements would run one by one.
  public func clear() {
    UnsafeMutableRawPointer(start).initializeMemory(
      as: UInt8.self, repeating: 0, count: count * MemoryLayout<S>.stride)
  }

  /// The elements, for reading.
  public var elements: UnsafeBufferPointer<S> { UnsafeBufferPointer(start: start, count: count) }

  /// A copy of the elements.
  public var array: [S] { Array(elements) }

  /// Replaces the elements. Traps when the number differs.
  public func assign(_ values: [S]) {
    requireOfCaller(values.count == count, "as many values as elements")
    for i in 0..<count { start[i] = values[i] }
  }
}

/// Hands out consecutive pieces of one block of memory, each on a 64-byte boundary.
///
/// To learn how much is needed, lay out over any pointer and read ``used``; nothing is touched.
public struct Arena<S: KernelScalar> {
  private let base: UnsafeMutablePointer<S>
  /// Elements handed out so far.
  public private(set) var used = 0

  /// Cuts pieces from `base`.
  public init(_ base: UnsafeMutablePointer<S>) { self.base = base }

  /// The next `count` elements.
  public mutating func take(_ count: Int) -> UnsafeMutablePointer<S> {
    defer { used += (count + 15) / 16 * 16 }
    return base + used
  }
}
