import CHDF5

/// Any type HDF5 can store, also those that no array of ours has.
///
/// Byte order, precision and offsets are left out: two types are equal when the same values can be read from both.
public indirect enum StoredType: Sendable, Hashable {
  /// A whole number.
  case integer(bytes: Int, signed: Bool)
  /// A number of so many bits of exponent and mantissa.
  case float(bytes: Int, exponent: Int, mantissa: Int)
  /// Text of a fixed number of bytes.
  case text(bytes: Int, isUTF8: Bool, padding: Padding)
  /// Text of any length.
  case variableText(isUTF8: Bool)
  /// Named values of a whole number.
  case enumeration(StoredType, [Member])
  /// Several values together.
  case compound([Field])
  /// A small array in each element.
  case array([Int], StoredType)
  /// A sequence of any length in each element.
  case sequence(StoredType)
  /// Bytes with a tag that says what they are.
  case opaque(bytes: Int, tag: StoredName)
  /// Bits.
  case bits(bytes: Int)
  /// The place of another object.
  case objectReference
  /// A region of another dataset.
  case regionReference
  /// A type this library does not know, a time for example.
  case unknown(Int)

  /// How the end of text of a fixed length is told.
  public enum Padding: String, Sendable, Hashable {
    /// A zero ends it.
    case terminated = "ended by a zero"
    /// Zeros fill it up.
    case zeros = "filled up with zeros"
    /// Spaces fill it up.
    case spaces = "filled up with spaces"
  }

  /// A named value.
  public struct Member: Sendable, Hashable {
    /// Its name.
    public let name: StoredName
    /// Its value.
    public let value: Int64
  }

  /// A member of a compound.
  public struct Field: Sendable, Hashable {
    /// Its name.
    public let name: StoredName
    /// Its type.
    public let type: StoredType
  }

  /// Whether it is what h5py makes of booleans.
  public var isBoolean: Bool {
    guard case .enumeration(_, let members) = self else { return false }
    return Set(members)
      == [Member(name: StoredName("FALSE"), value: 0), Member(name: StoredName("TRUE"), value: 1)]
  }

  /// Whether it holds places of other objects, which mean nothing in another file, inside of something else.
  public var hidesReferences: Bool {
    switch self {
    case .array(_, let type), .sequence(let type): type.hasReferences
    case .compound(let fields): fields.contains { $0.type.hasReferences }
    default: false
    }
  }

  private var hasReferences: Bool {
    self == .objectReference || self == .regionReference || hidesReferences
  }

  /// The library's type; must run inside the lock.
  init(_ type: hid_t) throws {
    let size = H5Tget_size(type)
    switch H5Tget_class(type) {
    case H5T_INTEGER: self = .integer(bytes: size, signed: H5Tget_sign(type) == H5T_SGN_2)
    case H5T_FLOAT:
      var (sign, exponent, exponentBits, mantissa, mantissaBits) = (0, 0, 0, 0, 0)
      try check(
        H5Tget_fields(type, &sign, &exponent, &exponentBits, &mantissa, &mantissaBits),
        "cannot read a type", code: .notReadable)
      self = .float(bytes: size, exponent: exponentBits, mantissa: mantissaBits)
    case H5T_STRING:
      let isUTF8 = H5Tget_cset(type) == H5T_CSET_UTF8
      if H5Tis_variable_str(type) > 0 {
        self = .variableText(isUTF8: isUTF8)
      } else {
        let padding: Padding =
          switch H5Tget_strpad(type) {
          case H5T_STR_NULLPAD: .zeros
          case H5T_STR_SPACEPAD: .spaces
          default: .terminated
          }
        self = .text(bytes: size, isUTF8: isUTF8, padding: padding)
      }
    case H5T_ENUM: self = .enumeration(try StoredType.base(type), try StoredType.members(type))
    case H5T_COMPOUND: self = .compound(try StoredType.fields(type))
    case H5T_ARRAY: self = .array(try StoredType.lengths(type), try StoredType.base(type))
    case H5T_VLEN: self = .sequence(try StoredType.base(type))
    case H5T_OPAQUE:
      let tag = H5Tget_tag(type)
      defer { if let tag { H5free_memory(tag) } }
      self = .opaque(bytes: size, tag: tag.map { StoredName($0) } ?? StoredName([]))
    case H5T_BITFIELD: self = .bits(bytes: size)
    case H5T_REFERENCE:
      self = H5Tequal(type, isotherm_type_region()) > 0 ? .regionReference : .objectReference
    case let other: self = .unknown(Int(other.rawValue))
    }
  }

  private static func base(_ type: hid_t) throws -> StoredType {
    let base = Identifier(
      try check(H5Tget_super(type), "cannot read a type", code: .notReadable), closing: H5Tclose)
    return try StoredType(base.value)
  }

  /// Lengths of the small array that each element is.
  static func lengths(_ type: hid_t) throws -> [Int] {
    let rank = try check(H5Tget_array_ndims(type), "cannot read a type", code: .notReadable)
    var lengths = [hsize_t](repeating: 0, count: Int(rank))
    try check(H5Tget_array_dims2(type, &lengths), "cannot read a type", code: .notReadable)
    return lengths.map { Int(clamping: $0) }
  }

  private static func members(_ type: hid_t) throws -> [Member] {
    let base = Identifier(
      try check(H5Tget_super(type), "cannot read a type", code: .notReadable), closing: H5Tclose)
    let count = try check(H5Tget_nmembers(type), "cannot read a type", code: .notReadable)
    return try (0..<UInt32(count)).map { index in
      var value = [UInt8](repeating: 0, count: max(H5Tget_size(type), 8))
      try check(H5Tget_member_value(type, index, &value), "cannot read a type", code: .notReadable)
      try check(
        H5Tconvert(base.value, isotherm_type_int64(), 1, &value, nil, isotherm_plist_default()),
        "cannot read a type", code: .notReadable)
      return Member(
        name: try memberName(type, index),
        value: value.withUnsafeBytes { $0.loadUnaligned(as: Int64.self) })
    }
  }

  private static func fields(_ type: hid_t) throws -> [Field] {
    let count = try check(H5Tget_nmembers(type), "cannot read a type", code: .notReadable)
    return try (0..<UInt32(count)).map { index in
      let member = Identifier(
        try check(H5Tget_member_type(type, index), "cannot read a type", code: .notReadable),
        closing: H5Tclose)
      return Field(name: try memberName(type, index), type: try StoredType(member.value))
    }
  }

  private static func memberName(_ type: hid_t, _ index: UInt32) throws -> StoredName {
    guard let name = H5Tget_member_name(type, index) else {
      throw HDF5Error(.notReadable, "a type has a member without a name; the file is damaged")
    }
    defer { H5free_memory(name) }
    return StoredName(name)
  }
}

extension StoredType: CustomStringConvertible {
  /// The type in words.
  public var description: String {
    switch self {
    case .integer(let bytes, let signed): "\(signed ? "" : "u")int\(8 * bytes)"
    case .float(2, 8, 7): "bfloat16"
    case .float(let bytes, let exponent, let mantissa):
      [[2, 5, 10], [4, 8, 23], [8, 11, 52]].contains([bytes, exponent, mantissa])
        ? "float\(8 * bytes)"
        : "float of \(8 * bytes) bits, \(exponent) of them exponent and \(mantissa) mantissa"
    case .text(let bytes, let isUTF8, let padding):
      "text of \(bytes) bytes, \(isUTF8 ? "UTF-8" : "ASCII"), \(padding.rawValue)"
    case .variableText(let isUTF8): "text of any length, \(isUTF8 ? "UTF-8" : "ASCII")"
    case .enumeration(let base, let members):
      isBoolean
        ? "boolean"
        : "enumeration of \(base) (\(members.map { "\($0.name.shown) = \($0.value)" }.few))"
    case .compound(let fields): complex ?? "compound of \(fields.map(\.description).few)"
    case .array(let lengths, let type): "array \(lengths) of \(type)"
    case .sequence(let type): "sequence of any length of \(type)"
    case .opaque(let bytes, let tag): "opaque, \(bytes) bytes «\(tag.shown)»"
    case .bits(let bytes): "\(8 * bytes) bits"
    case .objectReference: "object reference"
    case .regionReference: "region reference"
    case .unknown(let kind): "type of HDF5's class \(kind)"
    }
  }

  /// What h5py makes of complex numbers.
  private var complex: String? {
    guard case .compound(let fields) = self, fields.map(\.name.shown) == ["r", "i"],
      fields[0].type == fields[1].type, case .float(let bytes, _, _) = fields[0].type
    else { return nil }
    return "complex\(16 * bytes)"
  }
}

extension StoredType.Field: CustomStringConvertible {
  /// Name and type.
  public var description: String { "\(name.shown): \(type)" }
}

extension [String] {
  /// The first of them, and how many more there are.
  fileprivate var few: String {
    count <= 6
      ? joined(separator: ", ") : prefix(5).joined(separator: ", ") + " and \(count - 5) more"
  }
}

extension Dataset {
  /// The stored type, whatever it is; see ``elementType`` for those our arrays have.
  public var storedType: StoredType {
    get throws {
      try HDF5Library.synchronized {
        let type = Identifier(
          try check(
            H5Dget_type(identifier.value), "cannot read the type", file: file, path: path,
            code: .notReadable), closing: H5Tclose)
        return try StoredType(type.value)
      }
    }
  }

  /// Whether it has a place for no value at all, unlike one whose axes have length zero.
  public var isNull: Bool {
    get throws {
      try HDF5Library.synchronized {
        let space = try space()
        return H5Sget_simple_extent_type(space.value) == H5S_NULL
      }
    }
  }

  /// Where the dataset lies.
  public var address: ObjectAddress {
    get throws {
      try HDF5Library.synchronized {
        var info = H5O_info_t()
        try check(
          H5Oget_info2(identifier.value, &info, isotherm_info_basic()), "cannot find the dataset",
          file: file, path: path)
        return ObjectAddress(file: UInt(info.fileno), address: info.addr)
      }
    }
  }
}

extension Group {
  /// The named type at `path`; nil where there is none.
  public func namedType(_ path: String) -> StoredType? {
    HDF5Library.synchronized {
      guard contains(path) else { return nil }
      let value = H5Topen2(identifier.value, path, isotherm_plist_default())
      guard value >= 0 else { return nil }
      let type = Identifier(value, closing: H5Tclose)
      return try? StoredType(type.value)
    }
  }
}
