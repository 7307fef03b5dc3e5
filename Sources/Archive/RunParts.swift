import Foundation
import HDF5

/// The parts of a run's folder as a kill or a power cut left them.
struct RunParts {
  /// One part and how many rows of each array it holds.
  struct Item {
    let number: Int
    let rows: [String: Int]
  }

  let folder: String
  /// Whole parts in order, without a gap.
  private(set) var items: [Item] = []
  private var dropped: [Item] = []

  /// Reads what is there. A part under its final name is whole: it was renamed after its fsync.
  init(_ folder: String, _ schema: RunSchema) throws {
    self.folder = folder
    var number = 0
    while FileManager.default.fileExists(atPath: folder + "/" + Part.name(number)) {
      let root = try File.open(folder + "/" + Part.name(number)).root
      var rows: [String: Int] = [:]
      for array in schema.arrays where root.contains(array.path) {
        let shape = try root.dataset(array.path).shape
        guard Array(shape.dropFirst()) == Array(array.shape(rows: 0).dropFirst()) else {
          throw ArchiveError(
            .layout,
            "\(folder)/\(Part.name(number)):\(array.path) has the shape \(shape), which "
              + "this configuration does not make; resume with the one it was begun with")
        }
        rows[array.path] = shape[0]
      }
      items.append(Item(number: number, rows: rows))
      number += 1
    }
  }

  /// Leaves out everything after the last part that holds rows of `path`, without touching the disk. Returns false
  /// when no part holds any: there is nothing to go on from.
  mutating func truncate(afterLast path: String) -> Bool {
    guard let last = items.lastIndex(where: { ($0.rows[path] ?? 0) > 0 }) else { return false }
    dropped = Array(items[(last + 1)...])
    items = Array(items[...last])
    return true
  }

  /// Removes the parts left out and temporary files. Only after an index that does not name them is in place: a kill in
  /// between must not leave an index that points to nothing.
  func removeDropped() throws {
    // From the end, so that a kill in the middle leaves no gap.
    for item in dropped.reversed() {
      try FileManager.default.removeItem(atPath: folder + "/" + Part.name(item.number))
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: folder)
    where name.hasSuffix(".tmp") {
      try FileManager.default.removeItem(atPath: folder + "/" + name)
    }
  }
}
