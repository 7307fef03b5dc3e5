import Foundation
import HDF5

/// The parts of a run's folder as a kill or a power cut left them.
struct RunParts {
  /// One part and how many rows of each array it holds.
  struct Item {
    let name: PartName
    let rows: [String: Int]
  }

  let folder: String
  /// Whole parts in order, without a gap or an overlap.
  private(set) var items: [Item] = []
  private var dropped: [PartName] = []
  /// First commit that no part holds though there are later ones: somebody removed its file.
  private(set) var missing: Int?

  /// Reads what is there. A part under its final name is whole: it was renamed after its fsync. Where a merged part
  /// and the parts it was made from are both there, the merged one counts and the others are left over.
  init(_ folder: String, _ schema: RunSchema) throws {
    self.folder = folder
    let found = try FileManager.default.contentsOfDirectory(atPath: folder)
      .compactMap { PartName(file: $0) }
    var number = 0
    while let name = found.filter({ $0.first == number }).max(by: { $0.last < $1.last }) {
      let root = try File.open(folder + "/" + name.file, asSource: true).root
      var rows: [String: Int] = [:]
      for array in schema.arrays where root.contains(array.path) {
        let shape = try root.dataset(array.path).shape
        guard Array(shape.dropFirst()) == Array(array.shape(rows: 0).dropFirst()) else {
          throw ArchiveError(
            .layout,
            "\(folder)/\(name.file):\(array.path) has the shape \(shape), which "
              + "this configuration does not make; resume with the one it was begun with")
        }
        rows[array.path] = shape[0]
      }
      if root.contains(Layout.Parts.resumeState) { rows[Layout.Parts.resumeState] = 1 }
      items.append(Item(name: name, rows: rows))
      number = name.last + 1
    }
    let taken = Set(items.map(\.name))
    dropped = found.filter { !taken.contains($0) }
    missing = dropped.contains { $0.first > number } ? number : nil
  }

  /// Whether a folder has parts and says what they hold.
  static func areThere(in folder: String) throws -> Bool {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    return names.contains("schema.json") && names.contains { PartName(file: $0)?.first == 0 }
  }

  /// Leaves out everything after the last part that holds rows of `path`, without touching the disk. Returns false
  /// when no part holds any: there is nothing to go on from.
  mutating func truncate(afterLast path: String) -> Bool {
    guard let last = items.lastIndex(where: { ($0.rows[path] ?? 0) > 0 }) else { return false }
    dropped += items[(last + 1)...].map(\.name)
    items = Array(items[...last])
    return true
  }

  /// What the last part left for the process that goes on after it; nil when it left nothing.
  func resumeState() throws -> [UInt8]? {
    guard let last = items.last, last.rows[Layout.Parts.resumeState] != nil else { return nil }
    let root = try File.open(folder + "/" + last.name.file, asSource: true).root
    guard let state = try PartRecord.read(Layout.Parts.resumeState, root) else {
      throw ArchiveError(
        .layout,
        "\(folder)/\(last.name.file): the state to go on from is not the one that was written; remove this part, and --resume goes "
          + "on from the one before")
    }
    return state
  }

  /// Last commit whose part holds rows of `path`.
  func lastCommit(of path: String) -> Int? {
    items.last { ($0.rows[path] ?? 0) > 0 }?.name.last
  }

  /// Removes the parts left out and temporary files. Only after an index that does not name them is in place: a kill in
  /// between must not leave an index that points to nothing.
  func removeDropped() throws {
    // From the end, so that a kill in the middle leaves no gap; of two that end together the shorter first, so that the
    // merged one still covers it.
    for name in dropped.sorted(by: { ($0.last, $0.first) > ($1.last, $1.first) }) {
      try FileManager.default.removeItem(atPath: folder + "/" + name.file)
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: folder)
    where name.hasSuffix(".tmp") {
      try FileManager.default.removeItem(atPath: folder + "/" + name)
    }
  }
}
