/// The upper half of a `Float`: 8 significant bits, the range of `Float`. A storage type, without arithmetic.
public struct BFloat16: ArrayElement, Hashable {
  /// The bits.
  public var bitPattern: UInt16

  /// These bits.
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest value; of two equally near the one whose last bit is 0. NaN stays NaN.
  public init(_ value: Float) {
    let bits = value.bitPattern
    if value.isNaN {
      // Rounding could carry a NaN's payload over into infinity.
      bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x40
    } else {
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }
  }

  /// The same value.
  public var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }

  /// Brain floating point.
  public static var elementType: ElementType { .bfloat16 }
}
