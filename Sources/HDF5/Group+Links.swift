import CHDF5

/// Where an object lies. Two links with one address are two names of one object.
public struct ObjectAddress: Sendable, Hashable {
  let file: UInt
  let address: UInt

  /// Whether both lie in one file.
  public func isInFile(of other: ObjectAddress) -> Bool { file == other.file }
}

/// A name as it is stored: HDF5 asks for ASCII or UTF-8, but stores whatever bytes it is given.
public struct StoredName: Sendable, Hashable {
  /// The bytes, without the closing zero.
  public let bytes: [UInt8]

  /// The name of these bytes.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The name of this text.
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The name as text; nil when it is not UTF-8.
  public var text: String? { String(validating: bytes, as: UTF8.self) }

  /// The name for people: bytes that are not UTF-8 are written `\xE9`.
  public var shown: String {
    if let text { return text }
    return bytes.map { byte in
      let hexadecimal = String(byte, radix: 16, uppercase: true)
      return byte < 0x80
        ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + hexadecimal
    }.joined()
  }

  /// Runs `body` with the name as C sees it.
  func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
    let characters = bytes.map { CChar(bitPattern: $0) } + [0]
    return try characters.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return try "".withCString(body) }
      return try body(start)
    }
  }

  init(_ name: UnsafePointer<CChar>) {
    var bytes: [UInt8] = []
    var place = name
    while place.pointee != 0 {
      bytes.append(UInt8(bitPattern: place.pointee))
      place += 1
    }
    self.bytes = bytes
  }
}

/// One entry of a group.
public struct Link: Sendable, Hashable {
  /// What an entry leads to.
  public enum Target: Sendable, Hashable {
    /// An object of this file.
    case object(Group.ObjectKind, ObjectAddress)
    /// A path in this file, whether there is something or not.
    case soft(StoredName)
    /// A path in another file.
    case external(file: StoredName, path: StoredName)
    /// An object whose header cannot be read, or a link of a kind this library does not know.
    case unknown(String)
  }

  /// Its name in the group.
  public let name: StoredName
  /// What it leads to.
  public let target: Target
  /// Whether the name says that it is UTF-8, whatever it is.
  let isMarkedUTF8: Bool

  /// The entry as if it led straight to an object, of the same name.
  public func leading(to kind: Group.ObjectKind, _ address: ObjectAddress) -> Link {
    Link(name: name, target: .object(kind, address), isMarkedUTF8: isMarkedUTF8)
  }
}

extension Group {
  /// Where the group itself lies.
  public var address: ObjectAddress {
    get throws {
      try HDF5Library.synchronized {
        var info = H5O_info_t()
        try check(
          H5Oget_info2(identifier.value, &info, isotherm_info_basic()), "cannot find the group",
          file: file, path: path)
        return ObjectAddress(file: UInt(info.fileno), address: info.addr)
      }
    }
  }

  /// Entries of the group: by name, or with `byCreation` in the order they were made where the group remembers it.
  /// Links are not followed.
  public func links(byCreation: Bool = false) throws -> [Link] {
    try HDF5Library.synchronized {
      final class Found { var names: [(StoredName, H5L_info_t)] = [] }
      let found = Found()
      var next: hsize_t = 0
      let index = byCreation && remembersOrder ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME
      _ = try check(
        H5Literate(
          identifier.value, index, H5_ITER_INC, &next,
          { _, name, info, data in
            if let name, let info, let data {
              Unmanaged<Found>.fromOpaque(data).takeUnretainedValue().names.append(
                (StoredName(name), info.pointee))
            }
            return 0
          }, Unmanaged.passUnretained(found).toOpaque()),
        "cannot list", file: file, path: path)
      return found.names.map {
        Link(name: $0, target: target($0, $1), isMarkedUTF8: $1.cset == H5T_CSET_UTF8)
      }
    }
  }

  /// The entry `name`; nil when there is none.
  public func link(_ name: StoredName) throws -> Link? {
    try HDF5Library.synchronized { () -> Link? in
      var info = H5L_info_t()
      return try name.withCString { pointer -> Link? in
        guard H5Lexists(identifier.value, pointer, isotherm_plist_default()) > 0 else { return nil }
        try check(
          H5Lget_info(identifier.value, pointer, &info, isotherm_plist_default()),
          "cannot read the link", file: file, path: joined(name.shown))
        return Link(
          name: name, target: target(name, info), isMarkedUTF8: info.cset == H5T_CSET_UTF8)
      }
    }
  }

  /// Whether the group remembers the order in which its entries were made.
  private var remembersOrder: Bool {
    let list = Identifier(H5Gget_create_plist(identifier.value), closing: H5Pclose)
    var flags: UInt32 = 0
    guard list.value >= 0, H5Pget_link_creation_order(list.value, &flags) >= 0 else { return false }
    return flags & UInt32(H5P_CRT_ORDER_INDEXED) != 0
  }

  private func target(_ name: StoredName, _ info: H5L_info_t) -> Link.Target {
    switch info.type {
    case H5L_TYPE_HARD:
      return resolved(name).map { .object($0.kind, $0.address) }
        ?? .unknown("the header of the object cannot be read")
    case H5L_TYPE_SOFT, H5L_TYPE_EXTERNAL:
      var value = [UInt8](repeating: 0, count: info.u.val_size + 1)
      let isRead = name.withCString {
        H5Lget_val(identifier.value, $0, &value, value.count, isotherm_plist_default()) >= 0
      }
      guard isRead else { return .unknown("the link cannot be read") }
      if info.type == H5L_TYPE_SOFT { return .soft(StoredName(Array(value.prefix { $0 != 0 }))) }
      var flags: UInt32 = 0
      return value.withUnsafeBytes { bytes in
        var (file, path): (UnsafePointer<CChar>?, UnsafePointer<CChar>?)
        guard H5Lunpack_elink_val(bytes.baseAddress, info.u.val_size, &flags, &file, &path) >= 0,
          let file, let path
        else { return .unknown("the link cannot be read") }
        return .external(file: StoredName(file), path: StoredName(path))
      }
    default: return .unknown("a link of a kind that only the program that made it can follow")
    }
  }

  /// What the entry `name` leads to in the end; nil when it leads nowhere.
  public func resolved(_ name: StoredName) -> (kind: ObjectKind, address: ObjectAddress)? {
    HDF5Library.synchronized { () -> (kind: ObjectKind, address: ObjectAddress)? in
      var info = H5O_info_t()
      let isThere = name.withCString {
        H5Oget_info_by_name2(
          identifier.value, $0, &info, isotherm_info_basic(), isotherm_plist_default()) >= 0
      }
      guard isThere else { return nil }
      let kind: ObjectKind =
        switch info.type {
        case H5O_TYPE_GROUP: .group
        case H5O_TYPE_DATASET: .dataset
        default: .other
        }
      return (kind, ObjectAddress(file: UInt(info.fileno), address: info.addr))
    }
  }

  /// The group of the entry `name`, which need not be UTF-8.
  public func group(_ name: StoredName) throws -> Group {
    try HDF5Library.synchronized {
      let place = joined(name.shown)
      let value = try name.withCString {
        try check(
          H5Gopen2(identifier.value, $0, isotherm_plist_default()), "cannot open the group",
          file: file, path: place, code: .notReadable)
      }
      return Group(
        path: place, file: file, identifier: Identifier(value, closing: H5Gclose), keeper: keeper)
    }
  }

  /// The dataset of the entry `name`, which need not be UTF-8.
  public func dataset(_ name: StoredName) throws -> Dataset {
    try HDF5Library.synchronized {
      let place = joined(name.shown)
      let value = try name.withCString {
        try check(
          H5Dopen2(identifier.value, $0, isotherm_plist_default()), "cannot open the dataset",
          file: file, path: place, code: .notReadable)
      }
      return Dataset(
        path: place, file: file, identifier: Identifier(value, closing: H5Dclose), keeper: keeper)
    }
  }
}
