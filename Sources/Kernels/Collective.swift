/// Processes that work on one run together, each with the same program, configuration and data. All of them call the same
/// members in the same order.
///
/// Everything that is added up is added by the caller in an order of its own: libraries promise none.
public protocol Collective: Sendable {
  /// Which of the processes this is, from 0, and how many there are.
  var rank: Int { get }
  var size: Int { get }
  /// Piece r of `own` goes to process r; `all` gets a piece from each, in their order. A piece has `bytes` bytes.
  func exchange(_ own: UnsafeRawPointer, bytes: Int, into all: UnsafeMutableRawPointer)
  /// `all` gets the `bytes` bytes at `own` of each process, in their order.
  func gather(_ own: UnsafeRawPointer, bytes: Int, into all: UnsafeMutableRawPointer)
  /// Everybody gets what process 0 has at `values`.
  func broadcast(_ values: UnsafeMutableRawPointer, bytes: Int)
  /// The largest of everybody's values.
  func maximum(_ value: Int32) -> Int32
}

extension Collective {
  /// Whether this process alone writes and prints.
  public var isFirst: Bool { rank == 0 }

  /// What process 0 makes of `body`, at everybody's. A value without references.
  public func fromFirst<Value: BitwiseCopyable>(_ body: () throws -> Value, else empty: Value)
    rethrows -> Value
  {
    var value = isFirst ? try body() : empty
    if size > 1 {
      withUnsafeMutableBytes(of: &value) {
        if let start = $0.baseAddress { broadcast(start, bytes: $0.count) }
      }
    }
    return value
  }

  /// Everybody's values, in the order of the processes.
  public func gathered<Value: BitwiseCopyable>(_ values: [Value]) -> [[Value]] {
    guard size > 1, let first = values.first else { return [values] }
    var all = [Value](repeating: first, count: values.count * size)
    values.withUnsafeBytes { own in
      all.withUnsafeMutableBytes { all in
        if let own = own.baseAddress, let all = all.baseAddress {
          gather(own, bytes: values.count * MemoryLayout<Value>.stride, into: all)
        }
      }
    }
    return (0..<size).map { Array(all[$0 * values.count..<($0 + 1) * values.count]) }
  }
}

/// One process alone: nothing is sent anywhere.
public struct SingleProcess: Collective {
  /// The one process there is.
  public var rank: Int { 0 }
  /// One.
  public var size: Int { 1 }
  /// Nothing.
  public init() {}
  /// Copies.
  public func exchange(_ own: UnsafeRawPointer, bytes: Int, into all: UnsafeMutableRawPointer) {
    all.copyMemory(from: own, byteCount: bytes)
  }
  /// Copies.
  public func gather(_ own: UnsafeRawPointer, bytes: Int, into all: UnsafeMutableRawPointer) {
    all.copyMemory(from: own, byteCount: bytes)
  }
  /// Leaves everything as it is.
  public func broadcast(_ values: UnsafeMutableRawPointer, bytes: Int) {}
  /// The value.
  public func maximum(_ value: Int32) -> Int32 { value }
}
