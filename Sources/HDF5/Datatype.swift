import CHDF5

/// How an element is stored: the portable types only, always little endian.
public enum Datatype: String, Sendable, Hashable, CaseIterable {
  case int8, uint8, int16, uint16, int32, uint32, int64, uint64, float32, float64
  /// UTF-8 text of any length.
  case utf8

  /// Bytes of an element in memory; for text the size of a pointer.
  public var byteCount: Int {
    switch self {
    case .int8, .uint8: 1
    case .int16, .uint16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64, .utf8: 8
    }
  }

  /// Runs `body` with the library's identifier of the type. Must run inside the lock.
  func with<Result>(_ body: (hid_t) throws -> Result) throws -> Result {
    switch self {
    case .int8: return try body(isotherm_type_int8())
    case .uint8: return try body(isotherm_type_uint8())
    case .int16: return try body(isotherm_type_int16())
    case .uint16: return try body(isotherm_type_uint16())
    case .int32: return try body(isotherm_type_int32())
    case .uint32: return try body(isotherm_type_uint32())
    case .int64: return try body(isotherm_type_int64())
    case .uint64: return try body(isotherm_type_uint64())
    case .float32: return try body(isotherm_type_float32())
    case .float64: return try body(isotherm_type_float64())
    case .utf8:
      let type = Identifier(
        try check(H5Tcopy(isotherm_type_c_string()), "cannot make a string type"),
        closing: H5Tclose)
      try check(
        H5Tset_size(type.value, isotherm_variable_length()), "cannot make a string type")
      try check(H5Tset_cset(type.value, H5T_CSET_UTF8), "cannot make a string type")
      return try body(type.value)
    }
  }

  /// The type of a stored object, or nil when it is none of the portable ones. Must run inside the lock.
  static func read(_ type: hid_t) -> Datatype? {
    let size = H5Tget_size(type)
    switch H5Tget_class(type) {
    case H5T_STRING: return .utf8
    case H5T_FLOAT: return size == 4 ? .float32 : size == 8 ? .float64 : nil
    case H5T_INTEGER:
      let signed = H5Tget_sign(type) == H5T_SGN_2
      switch size {
      case 1: return signed ? .int8 : .uint8
      case 2: return signed ? .int16 : .uint16
      case 4: return signed ? .int32 : .uint32
      case 8: return signed ? .int64 : .uint64
      default: return nil
      }
    default: return nil
    }
  }
}

/// A Swift number that is stored bit by bit.
public protocol HDF5Number: BitwiseCopyable, Sendable {
  /// The stored type with the same bits.
  static var datatype: Datatype { get }
  /// Zero, to fill new memory.
  static var zero: Self { get }
}

extension Int8: HDF5Number {
  /// `int8`.
  public static var datatype: Datatype { .int8 }
}
extension UInt8: HDF5Number {
  /// `uint8`.
  public static var datatype: Datatype { .uint8 }
}
extension Int16: HDF5Number {
  /// `int16`.
  public static var datatype: Datatype { .int16 }
}
extension UInt16: HDF5Number {
  /// `uint16`.
  public static var datatype: Datatype { .uint16 }
}
extension Int32: HDF5Number {
  /// `int32`.
  public static var datatype: Datatype { .int32 }
}
extension UInt32: HDF5Number {
  /// `uint32`.
  public static var datatype: Datatype { .uint32 }
}
extension Int64: HDF5Number {
  /// `int64`.
  public static var datatype: Datatype { .int64 }
}
extension UInt64: HDF5Number {
  /// `uint64`.
  public static var datatype: Datatype { .uint64 }
}
extension Float: HDF5Number {
  /// `float32`.
  public static var datatype: Datatype { .float32 }
}
extension Double: HDF5Number {
  /// `float64`.
  public static var datatype: Datatype { .float64 }
}
