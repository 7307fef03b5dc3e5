import Arrays
import CHDF5

/// A group of an open file: a folder of datasets and further groups.
public final class Group: @unchecked Sendable {
  /// Absolute place in the file.
  public let path: String
  /// The file's path, for messages.
  public let file: String
  let identifier: Identifier
  /// The file stays open as long as any of its objects is held.
  let keeper: Identifier

  init(path: String, file: String, identifier: Identifier, keeper: Identifier) {
    (self.path, self.file, self.identifier, self.keeper) = (path, file, identifier, keeper)
  }

  static func open(
    _ location: hid_t, _ path: String, file: String, keeping keeper: Identifier
  ) throws -> Group {
    try HDF5Library.synchronized {
      let value = try check(
        H5Gopen2(location, path, isotherm_plist_default()), "no such group", file: file,
        path: path, code: .missingObject)
      return Group(
        path: path, file: file, identifier: Identifier(value, closing: H5Gclose), keeper: keeper)
    }
  }

  /// Kind of an object in a group.
  public enum ObjectKind: Sendable, Hashable {
    /// A group.
    case group
    /// A dataset.
    case dataset
    /// A named type or an object of a later library.
    case other
  }

  /// Names and kinds of the group's members, by name.
  public func members() throws -> [(name: String, kind: ObjectKind)] {
    try HDF5Library.synchronized {
      // One pass: asking for each member by its number walks a large group's index as often as it has members.
      var names: [String] = []
      try withUnsafeMutablePointer(to: &names) { names in
        var next: hsize_t = 0
        _ = try check(
          H5Literate(
            identifier.value, H5_INDEX_NAME, H5_ITER_INC, &next,
            { _, name, _, names in
              if let name {
                names?.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
              }
              return 0
            }, names),
          "cannot list", file: file, path: path)
      }
      return names.map { ($0, kind($0)) }
    }
  }

  /// Whether there is an object at `name`, which may go through several groups.
  public func contains(_ name: String) -> Bool {
    HDF5Library.synchronized {
      var place = name.hasPrefix("/") ? "/" : ""
      for part in name.split(separator: "/") {
        place += place.isEmpty || place.hasSuffix("/") ? String(part) : "/" + part
        guard H5Lexists(identifier.value, place, isotherm_plist_default()) > 0 else { return false }
      }
      return H5Oexists_by_name(identifier.value, name, isotherm_plist_default()) > 0
    }
  }

  /// The kind of the object `name`.
  public func kind(_ name: String) -> ObjectKind {
    HDF5Library.synchronized {
      var info = H5O_info_t()
      guard
        H5Oget_info_by_name2(
          identifier.value, name, &info, isotherm_info_basic(), isotherm_plist_default()) >= 0
      else { return .other }
      switch info.type {
      case H5O_TYPE_GROUP: return .group
      case H5O_TYPE_DATASET: return .dataset
      default: return .other
      }
    }
  }

  /// The group `name` below this one.
  public func group(_ name: String) throws -> Group {
    try Group.open(identifier.value, joined(name), file: file, keeping: keeper)
  }

  /// The group `name` below this one, made with all groups on the way where missing.
  public func makeGroup(_ name: String) throws -> Group {
    try HDF5Library.synchronized {
      var place = self
      for part in name.split(separator: "/") {
        place =
          place.contains(String(part))
          ? try place.group(String(part)) : try place.createOne(String(part))
      }
      return place
    }
  }

  private func createOne(_ name: String) throws -> Group {
    let creation = Identifier(
      try check(H5Pcreate(isotherm_plist_group_create()), "cannot prepare a group"),
      closing: H5Pclose)
    try check(
      H5Pset_link_creation_order(
        creation.value, UInt32(H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)),
      "cannot prepare a group")
    try check(H5Pset_obj_track_times(creation.value, false), "cannot prepare a group")
    let value = try check(
      H5Gcreate2(
        identifier.value, name, isotherm_plist_default(), creation.value,
        isotherm_plist_default()), "cannot make the group", file: file, path: joined(name))
    return Group(
      path: joined(name), file: file, identifier: Identifier(value, closing: H5Gclose),
      keeper: keeper)
  }

  /// The dataset `name` below this group.
  public func dataset(_ name: String) throws -> Dataset {
    try HDF5Library.synchronized {
      guard contains(name), kind(name) != .group else { throw missing(name) }
      let value = try check(
        H5Dopen2(identifier.value, name, isotherm_plist_default()), "cannot open the dataset",
        file: file, path: joined(name), code: .mismatch)
      return Dataset(
        path: joined(name), file: file, identifier: Identifier(value, closing: H5Dclose),
        keeper: keeper)
    }
  }

  /// Makes the dataset `name` directly in this group; see ``DatasetCreation``.
  public func createDataset(
    _ name: String, _ type: ElementType, shape: [Int], _ creation: DatasetCreation = .init()
  ) throws -> Dataset {
    try HDF5Library.synchronized {
      let place = joined(name)
      let space = try Dataspace.simple(shape, maximum: creation.maximumShape)
      let list = try creation.propertyList(shape: shape, type)
      let value = try type.with { type in
        try check(
          H5Dcreate2(
            identifier.value, name, type, space.value, isotherm_plist_default(), list.value,
            isotherm_plist_default()), "cannot make the dataset", file: file, path: place)
      }
      return Dataset(
        path: place, file: file, identifier: Identifier(value, closing: H5Dclose), keeper: keeper)
    }
  }

  func joined(_ name: String) -> String {
    name.hasPrefix("/") ? name : path == "/" ? "/" + name : path + "/" + name
  }
}

func string(_ bytes: [CChar]) -> String {
  String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
