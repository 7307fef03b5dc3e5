import HDF5

/// Bytes beside the rows of a part, which no hash of rows covers: they carry a sha256 of their own.
enum PartRecord {
  private static let hash = "sha256"

  /// Writes a record into a part that is being made.
  static func write(_ bytes: [UInt8], _ path: String, to root: Group) throws {
    let bytes = bytes.isEmpty ? [0] : bytes
    let dataset = try root.createDataset(
      String(path.dropFirst()), .uint8, shape: [bytes.count])
    try dataset.write(bytes)
    try dataset.setAttribute(hash, .text(LogicalHash.sha256(bytes)))
  }

  /// The bytes of a record; nil where they are not those that were written. Parts of earlier versions have no hash.
  static func read(_ path: String, _ root: Group) throws -> [UInt8]? {
    let dataset = try root.dataset(path)
    let bytes = try dataset.read(UInt8.self)
    guard let known = try dataset.attribute(hash)?.text else { return bytes }
    return known == LogicalHash.sha256(bytes) ? bytes : nil
  }
}
