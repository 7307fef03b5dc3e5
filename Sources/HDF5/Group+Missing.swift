import CHDF5

/// What to say of an object that is not there.
extension Group {
  /// Why there is nothing at `name`: a link that leads nowhere, or a name that the group does not have, with the nearest ones.
  func missing(_ name: String) -> HDF5Error {
    var place = name.hasPrefix("/") ? "/" : path
    var group = name.hasPrefix("/") ? (try? self.group("/")) ?? self : self
    for part in name.split(separator: "/") {
      let link = try? group.link(StoredName(String(part)))
      if let reason = link.flatMap({ Self.deadEnd($0, in: group) }) {
        return HDF5Error(.missingObject, reason, file: file, path: joined(name))
      }
      guard link != nil, let next = try? group.group(String(part)) else {
        return HDF5Error(
          .missingObject, "no such dataset; \(group.offer(String(part), place))", file: file,
          path: joined(name))
      }
      group = next
      place = next.path
    }
    return HDF5Error(
      .missingObject, "it is a group, not a dataset; \(group.offer("", place))", file: file,
      path: joined(name))
  }

  private static func deadEnd(_ link: Link, in group: Group) -> String? {
    guard group.resolved(link.name) == nil else { return nil }
    switch link.target {
    case .soft(let target): return "it is a link to \(target.shown), where nothing is"
    case .external(let file, let path):
      return
        "it is a link to \(path.shown) in the file \(file.shown), which cannot be opened or lacks it; "
        + "put that file where it was"
    case .unknown(let what): return what
    case .object: return nil
    }
  }

  private func offer(_ name: String, _ place: String) -> String {
    let names = ((try? links()) ?? []).compactMap(\.name.text)
    guard !names.isEmpty else { return "\(place) is empty" }
    func distance(_ other: String) -> Int {
      let shared = zip(name.lowercased(), other.lowercased()).prefix { $0 == $1 }.count
      return abs(other.count - name.count) - 2 * shared
    }
    let near = names.sorted { (distance($0), $0) < (distance($1), $1) }
    return "\(place) holds \(near.prefix(8).joined(separator: ", "))"
      + (near.count > 8 ? " and \(near.count - 8) more" : "")
  }
}
