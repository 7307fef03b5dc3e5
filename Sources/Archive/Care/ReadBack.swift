import Arrays
import HDF5

/// Reads a file that was written anew, and compares it with what it was written from.
struct ReadBack {
  private let readers: [RunReader]
  private let axis: String
  private let arrays: [WrittenArray]
  private let plan: RewritePlan
  private let hasher = BlockHasher()

  init(
    _ readers: [RunReader], _ axis: String, _ arrays: [WrittenArray], _ plan: RewritePlan
  ) {
    (self.readers, self.axis, self.arrays, self.plan) = (readers, axis, arrays, plan)
  }

  private var source: RunReader { readers[0] }

  /// Reads `file`. Returns hashes to be corrected, because the source's own were wrong, and what has to be said of it.
  /// - Throws: ``ArchiveError`` naming what is not what was read, or cannot be read in the source.
  func run(_ file: String) throws -> (hashes: [String: String], notes: [String]) {
    let root = try File.open(file).root
    var (hashes, notes) = ([String: String](), [String]())
    let hashed = Dictionary(grouping: arrays) { Array($0.path.utf8) }
    let (from, to) = (ObjectNames(source.root), ObjectNames(root))
    try compareAttributes(source.root, from, root, to, "/")
    var seen: Set<ObjectAddress> = []
    for (owner, item) in plan.allItems {
      if readers.count > 1, Layout.Provenance.isSource(item.path) { continue }
      let place = try self.place(owner, root)
      guard let link = try place.link(item.link.name) else { throw lost(item.path, "is not there") }
      switch (item.link.target, link.target) {
      case (.object(.group, _), .object(.group, _)):
        guard item.isGroup else { continue }
        try compareAttributes(
          owner.group.group(item.link.name), from, place.group(link.name), to, item.path)
      case (.object(.dataset, let address), .object(.dataset, _)):
        // The first of its names was compared.
        guard seen.insert(address).inserted else { continue }
        let (a, b) = (try owner.group.dataset(item.link.name), try place.dataset(link.name))
        try compareAttributes(a, from, b, to, item.path)
        try compareLabels(a, from, b, to, item.path)
        let array = hashed[Array(item.path.utf8)]?.first
        if let array, array.expected != nil {
          guard let hash = try compareValues(array, a, b) else { continue }
          hashes[item.path] = hash
          notes.append(
            "\(source.path):\(item.path): the values do not have the logical hash stored beside them: they "
              + "were changed after sealing; the new file holds them as they are, with their own hash"
          )
        } else if let array, array.type != .utf8,
          try a.elementType != array.type || !a.isStoredExactly
        {
          // Cut anew, numbers of fewer bits become whole ones: the values are the same, their images are not.
          guard try a.valueHash(as: array.type, hasher) == b.valueHash(as: array.type, hasher)
          else {
            throw lost(item.path, "has other values")
          }
        } else {
          try compareImages(a, from, b, to, item.path)
        }
      case (.object(.other, _), .object(.other, _)): continue
      case (.soft(let a), .soft(let b)) where a == b: continue
      case (.external(let a, let c), .external(let b, let d)) where a == b && c == d: continue
      default: throw lost(item.path, "is something else")
      }
    }
    return (hashes, notes)
  }

  private func place(_ plan: RewritePlan, _ root: Group) throws -> Group {
    guard let link = plan.link, let above = plan.above else { return root }
    return try place(above, root).group(link.name)
  }

  private func lost(_ path: String, _ what: String) -> ArchiveError {
    ArchiveError(
      .system,
      "\(path): \(what) in the file that was written, unlike in \(source.path); nothing was kept; try again, "
        + "on another disk if it happens again")
  }

  /// The hash that the values really have, where the source said another; nil where all is well.
  private func compareValues(
    _ array: WrittenArray, _ original: Dataset, _ image: Dataset
  ) throws -> String? {
    let found: String
    do {
      found = try image.valueHash(as: array.type, hasher)
    } catch {
      // Chunks are copied as they are stored: what cannot be decoded is the source's damage, and is named there.
      if !array.isJoined { _ = try original.valueHash(as: array.type, hasher) }
      throw error
    }
    guard let expected = array.expected, found != expected else { return nil }
    guard array.isClaim else { throw lost(array.path, "has other values") }
    let read = try original.valueHash(as: array.type, hasher)
    try source.checkSources(original)
    guard read == found else { throw lost(array.path, "has other values") }
    return found
  }

  private func compareImages(
    _ a: Dataset, _ from: ObjectNames, _ b: Dataset, _ to: ObjectNames, _ path: String
  ) throws {
    guard try a.imageHash(from) == b.imageHash(to) else { throw lost(path, "has other values") }
  }

  private static let rewritten = Set(
    [
      "logical_sha256", "DIMENSION_LIST", "REFERENCE_LIST", "history", "default", "signal", "axes",
      "NX_class",
    ]
    .map { StoredName($0) })

  private func compareAttributes(
    _ a: any AttributeHolder, _ from: ObjectNames, _ b: any AttributeHolder, _ to: ObjectNames,
    _ path: String
  ) throws {
    let x = Set(try a.storedAttributes(from).filter { !Self.rewritten.contains($0.name) })
    let y = Set(try b.storedAttributes(to).filter { !Self.rewritten.contains($0.name) })
    if let odd = x.symmetricDifference(y).first {
      throw lost("\(path)@\(odd.name.shown)", "is another attribute")
    }
  }

  private func compareLabels(
    _ a: Dataset, _ from: ObjectNames, _ b: Dataset, _ to: ObjectNames, _ path: String
  ) throws {
    let x = try a.scaleAddresses().map { try $0.map { try from[$0] } }
    let y = try b.scaleAddresses().map { try $0.map { try to[$0] } }
    guard plan.isWhole ? x == y : x.map(\.count) == y.map(\.count) else {
      throw lost(path, "has other labels of its axes")
    }
  }
}
