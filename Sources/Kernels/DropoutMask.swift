/// Which elements a dropout mask keeps (Srivastava et al. 2014, inverted): element i of a stream, whatever the thread.
///
/// 64 elements share eight Philox counters; each takes 16 bits, so a share is a multiple of 1/65,536.
public struct DropoutMask: Sendable {
  /// Bits that decide over an element.
  public static var bits: Int { 16 }
  /// Elements that share counters, and how many they share.
  public static var group: (elements: Int, counters: Int) { (64, 8) }

  private let seed: UInt64
  private let stream: UInt64
  private let threshold: UInt32
  private let scale: Float

  /// Drops `share` of the elements, by stream `index` of `seed`.
  public init(share: Double, seed: UInt64, index: UInt64) {
    self.seed = seed
    stream = Philox.Purpose.dropout.rawValue << UInt64(Philox.purposeShift) | index
    let levels = Double(1 << Self.bits)
    threshold = UInt32((share * levels).rounded())
    scale = Float(levels / (levels - Double(threshold)))
  }

  /// 0 or the factor of the 64 elements from `block` · 64 on.
  @inline(__always)
  private func factors(_ block: Int) -> (Vector16, Vector16, Vector16, Vector16) {
    let (a, b, c, d) = Philox.eightBlocks(
      counter: UInt64(block) * 8, stream: stream, seed: seed)
    // Integer arithmetic alone: comparisons and conversions of unsigned vectors run lane by lane. A word below the
    // threshold gives a negative difference, whose sign becomes a mask of ones.
    @inline(__always)
    func factor(_ words: SIMD8<UInt32>) -> Vector16 {
      let halves = (words & SIMD8(repeating: 0xFFFF), words &>> 16)
      let bits = unsafeBitCast(halves, to: SIMD16<Int32>.self)
      let dropped = (bits &- SIMD16(repeating: Int32(threshold))) &>> 31
      let kept = ~dropped & SIMD16(repeating: Int32(bitPattern: scale.bitPattern))
      return unsafeBitCast(kept, to: Vector16.self)
    }
    return (factor(a), factor(b), factor(c), factor(d))
  }

  /// Multiplies `x` by the mask.
  public func apply(_ x: UnsafeMutablePointer<Float>, count: Int) {
    let whole = count / 64
    for block in 0..<whole {
      let (a, b, c, d) = factors(block)
      let p = x + block * 64
      (Vector16.load(p) * a).store(p)
      (Vector16.load(p + 16) * b).store(p + 16)
      (Vector16.load(p + 32) * c).store(p + 32)
      (Vector16.load(p + 48) * d).store(p + 48)
    }
    for i in whole * 64..<count { x[i] *= factor(i) }
  }

  /// The factor of one element.
  public func factor(_ i: Int) -> Float {
    let (a, b, c, d) = factors(i / 64)
    let part = i % 64 / 16
    return (part == 0 ? a : part == 1 ? b : part == 2 ? c : d)[i % 16]
  }
}
