import HDF5

/// Bytes beside the rows of a part, which no hash of rows covers: they carry a sha256 of their own.
enum PartRecord {
  private static let hash = "sha256"

  /// A record as it stands, with the hash it claims: a copy of it is as damaged as it is.
  struct Raw {
    let bytes: [UInt8]
    /// Parts of earlier versions have none.
    let hash: String?

    init(_ path: String, _ root: Group) throws {
      let dataset = try root.dataset(path)
      bytes = try dataset.read(UInt8.self)
      hash = try dataset.attribute(PartRecord.hash)?.text
    }

    init(_ bytes: [UInt8]) {
      self.bytes = bytes.isEmpty ? [0] : bytes
      hash = LogicalHash.sha256(self.bytes)
    }

    func write(_ path: String, to root: Group) throws {
      let dataset = try root.createDataset(
        String(path.dropFirst()), .uint8, shape: [bytes.count])
      try dataset.write(bytes)
      if let hash { try dataset.setAttribute(PartRecord.hash, .text(hash)) }
    }
  }

  /// Writes a record into a part that is being made.
  static func write(_ bytes: [UInt8], _ path: String, to root: Group) throws {
    try Raw(bytes).write(path, to: root)
  }

  /// The bytes of a record; nil where they are not those that were written.
  static func read(_ path: String, _ root: Group) throws -> [UInt8]? {
    let raw = try Raw(path, root)
    guard let known = raw.hash else { return raw.bytes }
    return known == LogicalHash.sha256(raw.bytes) ? raw.bytes : nil
  }
}
