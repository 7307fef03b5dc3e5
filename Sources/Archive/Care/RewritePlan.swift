import Arrays
import HDF5

/// What of an archive is written anew, and how: its objects in the order they were made.
final class RewritePlan {
  /// One object, or one name of it.
  struct Item {
    let link: Link
    /// Path in the archive.
    let path: String
    let kind: StoredObject.Kind
    let isGroup: Bool
  }

  /// A group and what of it is kept.
  let group: Group
  /// How it is called in the group above; nil for the root.
  let link: Link?
  /// The group above; nil for the root.
  private(set) weak var above: RewritePlan?
  private(set) var items: [Item] = []
  private(set) var groups: [Int: RewritePlan] = [:]
  /// Whether nothing is left out.
  private(set) var isWhole = true

  private init(_ group: Group, _ link: Link?) { (self.group, self.link) = (group, link) }

  /// All that `options` keep of the archive: arrays by their paths, with the scales of their axes; provenance and explanation in any
  /// case.
  /// - Throws: ``ArchiveError`` naming an object that is kept but cannot be read.
  static func make(_ reader: RunReader, _ options: ArchiveRewriter.Options) throws -> RewritePlan {
    let plan = RewritePlan(reader.root, nil)
    var seen: Set<ObjectAddress> = [try reader.root.address]
    try plan.collect(&seen, depth: 0)
    guard !options.selection.isEmpty else { return plan }
    plan.isWhole = false
    var kept: Set<ObjectAddress> = []
    try plan.findKept(options, &kept)
    try plan.prune(options, kept)
    return plan
  }

  /// Everything, this group's part first.
  var allItems: [(plan: RewritePlan, item: Item)] {
    items.enumerated().flatMap { index, item in
      [(self, item)] + (groups[index]?.allItems ?? [])
    }
  }

  private func collect(_ seen: inout Set<ObjectAddress>, depth: Int) throws {
    for link in try group.links(byCreation: true) {
      let path = (group.path == "/" ? "" : group.path) + "/" + link.name.shown
      var (kind, isGroup) = (StoredObject.Kind.link, false)
      switch link.target {
      case .object(.group, let address):
        if seen.insert(address).inserted {
          guard depth < 256 else {
            throw ArchiveError(
              .refused, "\(group.file):\(path): groups are nested more than 256 deep; flatten them")
          }
          let below = RewritePlan(try group.group(link.name), link)
          below.above = self
          try below.collect(&seen, depth: depth + 1)
          groups[items.count] = below
          (kind, isGroup) = (.foreign, true)
        }
      case .object(.dataset, _):
        kind = StoredObject(dataset: link, of: group, path).kind
        if link.name.text == nil, kind == .array { kind = .foreign }
      case .object(.other, _): kind = .foreign
      case .soft, .external: break
      case .unknown(let what):
        throw ArchiveError(
          .refused, "\(group.file):\(path): cannot be carried over: \(what); remove it first")
      }
      items.append(Item(link: link, path: path, kind: kind, isGroup: isGroup))
    }
  }

  /// Whether the selection asks for an item by its path; provenance and explanation always stay.
  private func isAskedFor(_ item: Item, _ options: ArchiveRewriter.Options) -> Bool {
    !item.isGroup && (item.path.isAboutArchive || options.includes(item.path))
  }

  private func findKept(
    _ options: ArchiveRewriter.Options, _ kept: inout Set<ObjectAddress>
  ) throws {
    for (index, item) in items.enumerated() {
      if let below = groups[index] { try below.findKept(options, &kept) }
      guard isAskedFor(item, options), case .object(let kind, let address) = item.link.target else {
        continue
      }
      kept.insert(address)
      guard kind == .dataset, item.kind != .unreadable else { continue }
      for scale in try group.dataset(item.link.name).scaleAddresses().joined() {
        kept.insert(scale)
      }
    }
  }

  /// Drops what is not kept; returns whether anything is left.
  @discardableResult
  private func prune(
    _ options: ArchiveRewriter.Options, _ kept: Set<ObjectAddress>
  ) throws -> Bool {
    let (old, below) = (items, groups)
    (items, groups) = ([], [:])
    for (index, item) in old.enumerated() {
      if let group = below[index] {
        guard try group.prune(options, kept) else { continue }
        groups[items.count] = group
        items.append(item)
        continue
      }
      var item = item
      let isAsked = isAskedFor(item, options)
      switch item.link.target {
      case .object(.dataset, let address):
        // Of an array asked for by one name, the others are not; a scale is needed under whatever name it has.
        let isScale = kept.contains(address) && item.kind != .foreign
        guard isAsked || isScale else { continue }
      case .soft:
        guard isAsked else { continue }
        // The dataset it leads to may be left out: then it is copied under this name.
        if let end = group.resolved(item.link.name), end.kind == .dataset,
          !kept.contains(end.address), try end.address.isInFile(of: group.address)
        {
          let link = item.link.leading(to: .dataset, end.address)
          item = Item(
            link: link, path: item.path,
            kind: StoredObject(dataset: link, of: group, item.path).kind, isGroup: false)
        }
      default: guard isAsked else { continue }
      }
      items.append(item)
    }
    return !items.isEmpty
  }
}
