import Arrays
import CHDF5
import Foundation

/// The value of an attribute: only what every reader understands.
public enum AttributeValue: Sendable, Hashable, Codable {
  /// UTF-8 text of any length below 64 KiB.
  case text(String)
  /// A 64-bit integer.
  case integer(Int64)
  /// A double.
  case number(Double)
  /// Several texts.
  case texts([String])

  /// The text, or nil for a number.
  public var text: String? { if case .text(let text) = self { text } else { nil } }
  /// The integer, or nil.
  public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  /// The number that need not be whole, or nil.
  public var real: Double? { if case .number(let value) = self { value } else { nil } }
}

/// Something that carries attributes.
public protocol AttributeHolder {
  /// Writes an attribute, replacing one of the same name.
  func setAttribute(_ name: String, _ value: AttributeValue) throws
  /// Reads an attribute; nil when there is none of that name, or its type is not portable, or it is several numbers.
  func attribute(_ name: String) throws -> AttributeValue?
  /// Names of all attributes.
  func attributeNames() throws -> [String]
}

extension Group: AttributeHolder {
  /// Writes an attribute.
  public func setAttribute(_ name: String, _ value: AttributeValue) throws {
    try Attribute.write(identifier.value, name, value, "\(file):\(path)")
  }
  /// Reads an attribute.
  public func attribute(_ name: String) throws -> AttributeValue? {
    try Attribute.read(identifier.value, name)
  }
  /// Names of all attributes.
  public func attributeNames() throws -> [String] { try Attribute.names(identifier.value) }
}

extension Dataset: AttributeHolder {
  /// Writes an attribute.
  public func setAttribute(_ name: String, _ value: AttributeValue) throws {
    try Attribute.write(identifier.value, name, value, "\(file):\(path)")
  }
  /// Reads an attribute.
  public func attribute(_ name: String) throws -> AttributeValue? {
    try Attribute.read(identifier.value, name)
  }
  /// Names of all attributes.
  public func attributeNames() throws -> [String] { try Attribute.names(identifier.value) }
}

enum Attribute {
  static func write(
    _ object: hid_t, _ name: String, _ value: AttributeValue, _ place: String
  ) throws {
    try HDF5Library.synchronized {
      if H5Aexists(object, name) > 0 {
        try check(H5Adelete(object, name), "cannot replace attribute \(name)", path: place)
      }
      switch value {
      case .integer(let value):
        try store(object, name, .int64, [], [value], place)
      case .number(let value):
        try store(object, name, .float64, [], [value], place)
      case .text(let text):
        try text.withCString { try store(object, name, .utf8, [], [$0], place) }
      case .texts(let texts):
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        try store(object, name, .utf8, [texts.count], copies, place)
      }
    }
  }

  fileprivate static func store<Element>(
    _ object: hid_t, _ name: String, _ type: ElementType, _ shape: [Int], _ values: [Element],
    _ place: String
  ) throws {
    let space = try Dataspace.simple(shape)
    try type.with { type in
      let attribute = Identifier(
        try check(
          H5Acreate2(
            object, name, type, space.value, isotherm_plist_default(), isotherm_plist_default()),
          "cannot make attribute \(name)", path: place), closing: H5Aclose)
      _ = try values.withUnsafeBytes {
        try check(
          H5Awrite(attribute.value, type, $0.baseAddress), "cannot write attribute \(name)",
          path: place)
      }
    }
  }

  static func read(_ object: hid_t, _ name: String) throws -> AttributeValue? {
    try HDF5Library.synchronized {
      guard H5Aexists(object, name) > 0 else { return nil }
      let attribute = Identifier(
        try check(
          H5Aopen(object, name, isotherm_plist_default()), "cannot open attribute \(name)"),
        closing: H5Aclose)
      let type = Identifier(
        try check(H5Aget_type(attribute.value), "cannot read attribute \(name)"),
        closing: H5Tclose)
      let space = Identifier(
        try check(H5Aget_space(attribute.value), "cannot read attribute \(name)"),
        closing: H5Sclose)
      let count = Int(H5Sget_simple_extent_npoints(space.value))
      guard let kind = ElementType.stored(type.value), count >= 1, count <= 4096,
        count == 1 || kind == .utf8
      else { return nil }
      switch kind {
      case .utf8: return try text(attribute, type, space, count, name)
      case .float32, .float64:
        var values = [Double](repeating: 0, count: count)
        try check(
          H5Aread(attribute.value, isotherm_type_float64(), &values), "cannot read \(name)")
        return .number(values[0])
      default:
        var values = [Int64](repeating: 0, count: count)
        try check(H5Aread(attribute.value, isotherm_type_int64(), &values), "cannot read \(name)")
        return .integer(values[0])
      }
    }
  }

  private static func text(
    _ attribute: Identifier, _ type: Identifier, _ space: Identifier, _ count: Int, _ name: String
  ) throws -> AttributeValue {
    var texts: [String]
    if H5Tis_variable_str(type.value) > 0 {
      var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
      try check(H5Aread(attribute.value, type.value, &pointers), "cannot read \(name)")
      texts = pointers.map { $0.map { String(cString: $0) } ?? "" }
      H5Dvlen_reclaim(type.value, space.value, isotherm_plist_default(), &pointers)
    } else {
      let size = H5Tget_size(type.value)
      var bytes = [CChar](repeating: 0, count: size * count)
      try check(H5Aread(attribute.value, type.value, &bytes), "cannot read \(name)")
      texts = (0..<count).map { string(Array(bytes[$0 * size..<($0 + 1) * size])) }
    }
    return count == 1 ? .text(texts[0]) : .texts(texts)
  }

  static func names(_ object: hid_t) throws -> [String] {
    try HDF5Library.synchronized {
      var info = H5O_info_t()
      try check(H5Oget_info1(object, &info), "cannot list attributes")
      return try (0..<info.num_attrs).map { index in
        let length = try check(
          H5Aget_name_by_idx(
            object, ".", H5_INDEX_NAME, H5_ITER_INC, index, nil, 0, isotherm_plist_default()),
          "cannot list attributes")
        var bytes = [CChar](repeating: 0, count: length + 1)
        H5Aget_name_by_idx(
          object, ".", H5_INDEX_NAME, H5_ITER_INC, index, &bytes, bytes.count,
          isotherm_plist_default())
        return string(bytes)
      }
    }
  }
}

extension Dataset {
  /// Numbers of an attribute, one or several, as doubles; nil when there is none of that name, or it holds no numbers.
  public func attributeNumbers(_ name: String) throws -> [Double]? {
    try Attribute.numbers(identifier.value, name, .float64, 0.0)
  }

  /// Whole numbers of an attribute, exactly; nil when there is none of that name, or it holds none. Unsigned ones beyond
  /// 2⁶³ keep their bits.
  public func attributeIntegers(_ name: String) throws -> [Int64]? {
    try Attribute.numbers(identifier.value, name, nil, Int64(0))
  }

  /// Declares the value that stands for what was not written, as ``DatasetCreation/marksUnwritten`` chooses it, to netCDF and
  /// xarray (CF `_FillValue`).
  public func setFillAttribute() throws {
    try HDF5Library.synchronized {
      let type = try elementType
      guard let bytes = DatasetCreation.unwrittenMark(type) else { return }
      try Attribute.store(identifier.value, "_FillValue", type, [1], bytes, "\(file):\(path)")
    }
  }
}

extension Attribute {
  /// Values of an attribute, converted to `type`; without one, whole numbers in 64 bits of their own sign.
  fileprivate static func numbers<Number: BitwiseCopyable>(
    _ object: hid_t, _ name: String, _ type: ElementType?, _ zero: Number
  ) throws -> [Number]? {
    try HDF5Library.synchronized {
      guard H5Aexists(object, name) > 0 else { return nil }
      let attribute = Identifier(
        try check(
          H5Aopen(object, name, isotherm_plist_default()), "cannot open attribute \(name)"),
        closing: H5Aclose)
      let stored = Identifier(
        try check(H5Aget_type(attribute.value), "cannot read attribute \(name)"), closing: H5Tclose)
      let space = Identifier(
        try check(H5Aget_space(attribute.value), "cannot read attribute \(name)"),
        closing: H5Sclose)
      let count = Int(H5Sget_simple_extent_npoints(space.value))
      guard let kind = ElementType.stored(stored.value), kind != .utf8, (1...4096).contains(count),
        type != nil || !kind.isFloatingPoint
      else { return nil }
      let isUnsigned = [.uint8, .uint16, .uint32, .uint64].contains(kind)
      var values = [Number](repeating: zero, count: count)
      _ = try (type ?? (isUnsigned ? .uint64 : .int64)).with {
        let type = $0
        try values.withUnsafeMutableBytes {
          _ = try check(
            H5Aread(attribute.value, type, $0.baseAddress), "cannot read attribute \(name)")
        }
      }
      return values
    }
  }
}
