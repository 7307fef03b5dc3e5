import Arrays
import CHDF5

/// How an element is stored: the portable types only, always little endian.
extension ElementType {
  /// Bytes of an element in memory; for text the size of a pointer.
  var memoryByteCount: Int { byteCount ?? MemoryLayout<UnsafeRawPointer>.size }

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
    case .float16, .bfloat16:
      let (exponentBits, mantissaBits) = self == .float16 ? (5, 10) : (8, 7)
      let type = Identifier(
        try check(H5Tcopy(isotherm_type_float32()), "cannot make a half type"), closing: H5Tclose)
      // Fields first: a smaller size would cut into those of float32.
      try check(
        H5Tset_fields(type.value, 15, mantissaBits, exponentBits, 0, mantissaBits),
        "cannot make a half type")
      try check(H5Tset_size(type.value, 2), "cannot make a half type")
      try check(
        H5Tset_ebias(type.value, (1 << (exponentBits - 1)) - 1), "cannot make a half type")
      return try body(type.value)
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

  /// The type that holds every value of a stored type exactly; nil when none of the portable ones does. Must run inside the
  /// lock.
  ///
  /// Byte order, precision and padding do not matter: the library converts. Of named whole numbers, booleans among them,
  /// the numbers count.
  static func stored(_ type: hid_t) -> ElementType? {
    switch H5Tget_class(type) {
    case H5T_STRING: return .utf8
    case H5T_FLOAT: return float(type)
    case H5T_INTEGER: return integer(type)
    case H5T_ENUM:
      let base = Identifier(H5Tget_super(type), closing: H5Tclose)
      return base.value >= 0 ? integer(base.value) : nil
    default: return nil
    }
  }

  /// Whether values of the stored type are, byte for byte, little-endian elements of this one. Must run inside the lock.
  func isStoredExactly(as type: hid_t) throws -> Bool { try with { H5Tequal($0, type) > 0 } }

  private static func integer(_ type: hid_t) -> ElementType? {
    let signed = H5Tget_sign(type) == H5T_SGN_2
    switch H5Tget_size(type) {
    case 1: return signed ? .int8 : .uint8
    case 2: return signed ? .int16 : .uint16
    case 3...4: return signed ? .int32 : .uint32
    case 5...8: return signed ? .int64 : .uint64
    default: return nil
    }
  }

  private static func float(_ type: hid_t) -> ElementType? {
    var (sign, exponent, exponentBits, mantissa, mantissaBits) = (0, 0, 0, 0, 0)
    guard
      H5Tget_fields(type, &sign, &exponent, &exponentBits, &mantissa, &mantissaBits) >= 0,
      exponentBits > 0, exponentBits < 16, mantissaBits > 0
    else { return nil }
    let (bias, highest) = (H5Tget_ebias(type), 1 << exponentBits - 1)
    /// Whether all numbers of the stored type, small and large ones too, are numbers of this form.
    func fits(_ bits: Int, _ digits: Int) -> Bool {
      let limit = 1 << (bits - 1) - 1
      return exponentBits <= bits && mantissaBits <= digits && bias <= limit
        && highest - 1 - bias <= limit
    }
    if exponentBits == 5, mantissaBits == 10, bias == 15 { return .float16 }
    if exponentBits == 8, mantissaBits == 7, bias == 127 { return .bfloat16 }
    return fits(8, 23) ? .float32 : fits(11, 52) ? .float64 : nil
  }
}
