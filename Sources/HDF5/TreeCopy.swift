import Arrays
import CHDF5

/// Copies objects of one file into another, with their names, attributes and the links between them.
///
/// First every object gets its place; then ``finish()`` writes the attributes and labels the axes, because references
/// from one object to another need both.
public final class TreeCopy {
  /// The file that is copied from.
  public let source: Group
  /// The file that is copied to.
  public let target: Group
  /// Where objects of the source lie in the target.
  private(set) var places: [ObjectAddress: StoredName] = [:]
  /// What was copied, in order.
  private(set) var images: [Image] = []
  /// Groups of the target by their whole names, which need not be UTF-8.
  private var groups: [ObjectIdentifier: (group: Group, name: StoredName)] = [:]

  /// An object of the source and its image.
  struct Image {
    let source: ObjectAddress
    /// Where the object is, for messages.
    let path: String
    let kind: Group.ObjectKind
    let target: StoredName
    /// Attributes that are not copied.
    let leavingOut: Set<StoredName>
  }

  /// Copies from the file of `source` to that of `target`; both are root groups, which become each other's image but for
  /// the attributes in `leavingOut`.
  public init(from source: Group, to target: Group, leavingOut: Set<String> = []) throws {
    (self.source, self.target) = (source, target)
    let address = try source.address
    groups[ObjectIdentifier(target)] = (target, StoredName("/"))
    places[address] = StoredName("/")
    images.append(
      Image(
        source: address, path: "/", kind: .group, target: StoredName("/"),
        leavingOut: Set(leavingOut.map { StoredName($0) })))
  }

  /// Whether the object at `address` is in the target by now.
  public func contains(_ address: ObjectAddress) -> Bool { places[address] != nil }

  /// Makes the image of `group` in `parent`, empty as yet.
  public func makeGroup(_ link: Link, like group: Group, in parent: Group) throws -> Group {
    try HDF5Library.synchronized {
      let creation = try group.creationList()
      let list = try linkCreation(link)
      let place = parent.joined(link.name.shown)
      let value = try link.name.withCString {
        try check(
          H5Gcreate2(
            parent.identifier.value, $0, list.value, creation.value, isotherm_plist_default()),
          "cannot make the group", file: parent.file, path: place)
      }
      let made = Group(
        path: place, file: parent.file, identifier: Identifier(value, closing: H5Gclose),
        keeper: parent.keeper)
      groups[ObjectIdentifier(made)] = (made, whole(link.name, in: parent))
      remember(link, group.path, in: parent, [])
      return made
    }
  }

  /// Copies a dataset or a named type as it is stored, whatever its type.
  public func copy(
    _ link: Link, of group: Group, in parent: Group, leavingOut: Set<String> = []
  ) throws {
    guard case .object = link.target else { return }
    try HDF5Library.synchronized {
      let how = Identifier(
        try check(H5Pcreate(isotherm_plist_object_copy()), "cannot prepare a copy"),
        closing: H5Pclose)
      try check(
        H5Pset_copy_object(
          how.value, isotherm_copy_without_attributes()), "cannot prepare a copy")
      let list = try linkCreation(link)
      _ = try link.name.withCString {
        try check(
          H5Ocopy(group.identifier.value, $0, parent.identifier.value, $0, how.value, list.value),
          "cannot copy it; leave it out with --select, or mend the file", file: group.file,
          path: group.joined(link.name.shown), code: .notReadable)
      }
      remember(link, group.joined(link.name.shown), in: parent, leavingOut)
    }
  }

  /// Makes another name of what is in the target already; false when it is not.
  public func makeLink(_ link: Link, in parent: Group) throws -> Bool {
    guard case .object(_, let address) = link.target, let place = places[address] else {
      return false
    }
    try HDF5Library.synchronized {
      let list = try linkCreation(link)
      _ = try place.withCString { first in
        try link.name.withCString {
          try check(
            H5Lcreate_hard(
              target.identifier.value, first, parent.identifier.value, $0, list.value,
              isotherm_plist_default()), "cannot make another name of \(place.shown)",
            file: parent.file, path: parent.joined(link.name.shown))
        }
      }
    }
    return true
  }

  /// Makes a soft link, or one to another file; nothing for other links.
  public func makePath(_ link: Link, in parent: Group) throws {
    try HDF5Library.synchronized {
      let list = try linkCreation(link)
      let made = link.name.withCString { name in
        switch link.target {
        case .soft(let path):
          path.withCString {
            H5Lcreate_soft(
              $0, parent.identifier.value, name, list.value, isotherm_plist_default())
          }
        case .external(let file, let path):
          file.withCString { file in
            path.withCString {
              H5Lcreate_external(
                file, $0, parent.identifier.value, name, list.value, isotherm_plist_default())
            }
          }
        default: herr_t(0)
        }
      }
      try check(
        made, "cannot make the link", file: parent.file, path: parent.joined(link.name.shown))
    }
  }

  /// Says that the dataset `link` leads to has an image in `parent`, made by the caller; ``finish()`` copies its
  /// attributes but for those left out.
  public func adopt(
    _ link: Link, of group: Group, in parent: Group, leavingOut: Set<String> = []
  ) {
    remember(link, group.joined(link.name.shown), in: parent, leavingOut)
  }

  private func remember(
    _ link: Link, _ path: String, in parent: Group, _ leavingOut: Set<String>
  ) {
    guard case .object(let kind, let address) = link.target else { return }
    let name = whole(link.name, in: parent)
    places[address] = name
    images.append(
      Image(
        source: address, path: path, kind: kind, target: name,
        leavingOut: Set(leavingOut.map { StoredName($0) })))
  }

  private func whole(_ name: StoredName, in parent: Group) -> StoredName {
    let above = groups[ObjectIdentifier(parent)]?.name.bytes ?? Array(parent.path.utf8)
    return StoredName((above == [0x2F] ? [] : above) + [0x2F] + name.bytes)
  }

  /// Names keep the character set they say they have. Must run inside the lock.
  private func linkCreation(_ link: Link) throws -> Identifier {
    let list = Identifier(
      try check(H5Pcreate(isotherm_plist_link_create()), "cannot prepare a link"),
      closing: H5Pclose)
    try check(
      H5Pset_char_encoding(list.value, link.isMarkedUTF8 ? H5T_CSET_UTF8 : H5T_CSET_ASCII),
      "cannot prepare a link")
    return list
  }
}

extension Group {
  /// How the group was made. HDF5's own list cannot be used for another: it holds the addresses of a large group's entries.
  fileprivate func creationList() throws -> Identifier {
    let stored = Identifier(
      try check(
        H5Gget_create_plist(identifier.value), "cannot read how it was made", file: file, path: path
      ), closing: H5Pclose)
    let list = Identifier(
      try check(H5Pcreate(isotherm_plist_group_create()), "cannot prepare a group"),
      closing: H5Pclose)
    var (links, attributes) = (UInt32(0), UInt32(0))
    try check(H5Pget_link_creation_order(stored.value, &links), "cannot read how it was made")
    try check(H5Pget_attr_creation_order(stored.value, &attributes), "cannot read how it was made")
    try check(H5Pset_link_creation_order(list.value, links), "cannot prepare a group")
    try check(H5Pset_attr_creation_order(list.value, attributes), "cannot prepare a group")
    try check(H5Pset_obj_track_times(list.value, false), "cannot prepare a group")
    return list
  }
}
