import HDF5

/// Arrays of wall-clock time, which differ between two runs of one computation: hashes and comparisons leave them out.
package enum WallClock {
  private static let attribute = "wall_clock"

  /// The attributes of such an array.
  package static let attributes: [String: AttributeValue] = [attribute: .integer(1)]

  /// Whether the array `dataset` at `path` is one.
  static func holds(_ path: String, _ dataset: Dataset) throws -> Bool {
    try isNamedSo(path) || dataset.attribute(attribute)?.integer == 1
  }

  /// Archives of before the attribute: an array is one by its name.
  static func isNamedSo(_ path: String) -> Bool {
    path.utf8.split(separator: UInt8(ascii: "/")).last?.elementsEqual("seconds".utf8) ?? false
  }
}

extension RunReader {
  /// Whether there is an array of wall-clock time at `path`. One that cannot be read is none: who compares or hashes it says so.
  func isWallClock(_ path: String) -> Bool {
    if WallClock.isNamedSo(path) { return true }
    guard contains(path), root.kind(path) == .dataset else { return false }
    return (try? WallClock.holds(path, root.dataset(path))) ?? false
  }
}
