import Foundation
import HDF5

/// Other files in which values of an HDF5 file lie: sources of virtual datasets, external storage, and what external links lead to.
struct ReferencedFiles {
  /// Files that exist, each once; those that they refer to in turn are among them.
  private(set) var identities: Set<FileIdentity> = []
  private var known: Set<FileIdentity> = []

  /// The files that `path` refers to; none where it is no HDF5 file or cannot be read, which its reader will say.
  init(of path: String) { follow(path, depth: 0) }

  private mutating func follow(_ path: String, depth: Int) {
    guard depth < 8, let identity = FileIdentity(path), identity.isRegular,
      known.insert(identity).inserted, let root = try? File.open(path).root
    else { return }
    var names: Set<String> = []
    var visited: Set<ObjectAddress> = []
    try? Self.collect(root, into: &names, &visited)
    for name in names where !name.isEmpty && name != "." {
      // The library looks beside the file and, for most kinds, where the program was started.
      let places = name.hasPrefix("/") ? [name] : [parentFolder(path) + "/" + name, name]
      for place in places {
        guard let identity = FileIdentity(place) else { continue }
        identities.insert(identity)
        follow(place, depth: depth + 1)
      }
    }
  }

  private static func collect(
    _ group: Group, into names: inout Set<String>, _ visited: inout Set<ObjectAddress>
  ) throws {
    for link in try group.links() {
      switch link.target {
      case .external(let file, _): names.insert(String(decoding: file.bytes, as: UTF8.self))
      case .object(let kind, let address):
        // Two links may lead to one object, and in circles.
        guard visited.insert(address).inserted else { continue }
        switch kind {
        case .group: try collect(group.group(link.name), into: &names, &visited)
        case .dataset:
          // One that cannot be opened shows nothing; the others still do.
          guard let dataset = try? group.dataset(link.name) else { continue }
          names.formUnion((try? dataset.sourceFiles) ?? [])
          names.formUnion((try? dataset.externalFiles) ?? [])
        case .other: continue
        }
      case .soft, .unknown: continue
      }
    }
  }
}
