import CHDF5

/// An attribute of any type, for comparing: equal where the values are, however they are stored.
public struct StoredAttribute: Sendable, Hashable {
  /// Its name.
  public let name: StoredName
  /// Its type.
  public let type: StoredType
  /// Lengths of the axes, empty for one value; nil for an attribute without a value.
  public let shape: [Int]?
  let image: [UInt8]

  /// The value in a few words.
  public var shown: String {
    guard let shape else { return "no value" }
    let count = shape.reduce(1, *)
    let values = (image.isEmpty ? [] : texts(count)) ?? numbers(count)
    guard let values else { return "\(type)" }
    let few = values.prefix(6).joined(separator: ", ") + (values.count > 6 ? ", …" : "")
    return shape.isEmpty ? few : "[\(few)]"
  }

  private func texts(_ count: Int) -> [String]? {
    switch type {
    case .text, .variableText: break
    default: return nil
    }
    var place = 0
    return (0..<count).map { _ in
      let length = image.withUnsafeBytes {
        Int($0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      }
      defer { place += 8 + length }
      let bytes = Array(image[(place + 8)..<(place + 8 + length)])
      let line = StoredName(bytes).shown.unicodeScalars.map { $0 == "\n" ? " " : $0 }
      return "«" + String(String.UnicodeScalarView(line.prefix(60)))
        + (line.count > 60 ? "…»" : "»")
    }
  }

  private func numbers(_ count: Int) -> [String]? {
    guard count > 0 else { return [] }
    let size = image.count / count
    func all<Number>(_: Number.Type) -> [String]? {
      guard size == MemoryLayout<Number>.size else { return nil }
      return image.withUnsafeBytes { bytes in
        (0..<count).map { "\(bytes.loadUnaligned(fromByteOffset: $0 * size, as: Number.self))" }
      }
    }
    switch type {
    case .integer(1, let signed): return signed ? all(Int8.self) : all(UInt8.self)
    case .integer(2, let signed): return signed ? all(Int16.self) : all(UInt16.self)
    case .integer(4, let signed): return signed ? all(Int32.self) : all(UInt32.self)
    case .integer(8, let signed): return signed ? all(Int64.self) : all(UInt64.self)
    case .float: return size == 4 ? all(Float.self) : all(Double.self)
    case .enumeration(_, _) where type.isBoolean && size == 1:
      return image.map { $0 == 0 ? "false" : "true" }
    default: return nil
    }
  }
}

/// Something in a file that has an identifier.
protocol Identified {
  var identifier: Identifier { get }
  var file: String { get }
  var path: String { get }
}

extension Group: Identified {}
extension Dataset: Identified {}

extension AttributeHolder {
  /// Removes an attribute; nothing when there is none of that name.
  public func removeAttribute(_ name: String) throws {
    guard let holder = self as? any Identified else { return }
    try HDF5Library.synchronized {
      guard H5Aexists(holder.identifier.value, name) > 0 else { return }
      try check(
        H5Adelete(holder.identifier.value, name), "cannot remove the attribute \(name)",
        file: holder.file, path: holder.path)
    }
  }

  /// All attributes with their values, in the order of their names.
  /// - Throws: ``HDF5Error`` when one cannot be read, or is of a type this library does not know.
  public func storedAttributes(_ names: ObjectNames) throws -> [StoredAttribute] {
    guard let holder = self as? any Identified else { return [] }
    return try HDF5Library.synchronized {
      try Attribute.all(holder).map { try Attribute.stored($0, holder, names) }
    }
  }
}

extension Attribute {
  /// All attributes of an object, opened, in the order they were made where it remembers that. Must run inside the lock.
  static func all(_ holder: any Identified) throws -> [Identifier] {
    let place = "\(holder.file):\(holder.path)"
    var info = H5O_info_t()
    try check(
      H5Oget_info2(holder.identifier.value, &info, isotherm_info_attributes()),
      "cannot list attributes", path: place)
    func open(_ number: hsize_t, _ index: H5_index_t) -> hid_t {
      H5Aopen_by_idx(
        holder.identifier.value, ".", index, H5_ITER_INC, number, isotherm_plist_default(),
        isotherm_plist_default())
    }
    guard info.num_attrs > 0 else { return [] }
    let probe = open(0, H5_INDEX_CRT_ORDER)
    let index = probe >= 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME
    if probe >= 0 { H5Aclose(probe) }
    return try (0..<info.num_attrs).map { number in
      Identifier(
        try check(
          open(number, index), "cannot open attribute \(number)", path: place, code: .notReadable),
        closing: H5Aclose)
    }
  }

  /// An open attribute's name.
  static func name(_ attribute: Identifier) throws -> StoredName {
    let length = try check(H5Aget_name(attribute.value, 0, nil), "cannot read an attribute's name")
    var bytes = [CChar](repeating: 0, count: length + 1)
    H5Aget_name(attribute.value, bytes.count, &bytes)
    return StoredName(bytes)
  }

  fileprivate static func stored(
    _ attribute: Identifier, _ holder: any Identified, _ names: ObjectNames
  ) throws -> StoredAttribute {
    let name = try name(attribute)
    let place = "\(holder.file):\(holder.path)@\(name.shown)"
    let type = Identifier(
      try check(H5Aget_type(attribute.value), "cannot read the type", path: place),
      closing: H5Tclose)
    let space = Identifier(
      try check(H5Aget_space(attribute.value), "cannot read the shape", path: place),
      closing: H5Sclose)
    let kind = try StoredType(type.value)
    guard H5Sget_simple_extent_type(space.value) != H5S_NULL else {
      return StoredAttribute(name: name, type: kind, shape: nil, image: [])
    }
    let native = Identifier(
      try check(
        H5Tget_native_type(type.value, H5T_DIR_DEFAULT), "cannot read values of the type \(kind)",
        path: place, code: .mismatch), closing: H5Tclose)
    let shape = try Dataspace.shape(space.value)
    let (count, size) = (shape.reduce(1, *), H5Tget_size(native.value))
    guard count > 0 else {
      return StoredAttribute(name: name, type: kind, shape: shape, image: [])
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count * size, alignment: 16)
    defer { buffer.deallocate() }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    guard let base = buffer.baseAddress else {
      return StoredAttribute(name: name, type: kind, shape: shape, image: [])
    }
    try check(
      H5Aread(attribute.value, native.value, base), "cannot read the attribute", path: place,
      code: .notReadable)
    defer { H5Dvlen_reclaim(native.value, space.value, isotherm_plist_default(), base) }
    let image = try ValueForm(native.value).image(
      base, count, size, holder.identifier.value, names)
    return StoredAttribute(name: name, type: kind, shape: shape, image: image)
  }
}
