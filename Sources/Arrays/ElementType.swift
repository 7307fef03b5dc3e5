/// The type of one element of an array, as it is stored and hashed.
public enum ElementType: String, Sendable, CaseIterable, Hashable, Codable {
  case int8, uint8, int16, uint16, int32, uint32, int64, uint64, float32, float64
  /// IEEE half precision: 11 significant bits, up to 65,504.
  case float16
  /// The upper half of a float32: 8 significant bits, the same range.
  case bfloat16
  /// A UTF-8 string of any length.
  case utf8

  /// Bytes an element takes; nil for strings, whose length varies.
  public var byteCount: Int? {
    switch self {
    case .int8, .uint8: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    case .utf8: nil
    }
  }

  /// True for the floating-point types.
  public var isFloatingPoint: Bool {
    [.float16, .bfloat16, .float32, .float64].contains(self)
  }
}

/// A Swift type that has an ``ElementType`` of the same bits on a little-endian machine.
public protocol ArrayElement: Sendable, BitwiseCopyable {
  /// The element type with the same bits.
  static var elementType: ElementType { get }
}

extension Int8: ArrayElement {
  /// Eight bits, signed.
  public static var elementType: ElementType { .int8 }
}
extension UInt8: ArrayElement {
  /// Eight bits, unsigned.
  public static var elementType: ElementType { .uint8 }
}
extension Int16: ArrayElement {
  /// Sixteen bits, signed.
  public static var elementType: ElementType { .int16 }
}
extension UInt16: ArrayElement {
  /// Sixteen bits, unsigned.
  public static var elementType: ElementType { .uint16 }
}
extension Int32: ArrayElement {
  /// Thirty-two bits, signed.
  public static var elementType: ElementType { .int32 }
}
extension UInt32: ArrayElement {
  /// Thirty-two bits, unsigned.
  public static var elementType: ElementType { .uint32 }
}
extension Int64: ArrayElement {
  /// Sixty-four bits, signed.
  public static var elementType: ElementType { .int64 }
}
extension UInt64: ArrayElement {
  /// Sixty-four bits, unsigned.
  public static var elementType: ElementType { .uint64 }
}
extension Float: ArrayElement {
  /// IEEE single precision.
  public static var elementType: ElementType { .float32 }
}
extension Double: ArrayElement {
  /// IEEE double precision.
  public static var elementType: ElementType { .float64 }
}
extension Float16: ArrayElement {
  /// IEEE half precision.
  public static var elementType: ElementType { .float16 }
}
