import Arrays
import HDF5

/// The archive as what something else is made from: named by a hash of what was read, not by what the file says of itself.
extension RunReader {
  /// Logical sha256 of the array at `path`, computed from its values; the one stored beside them is not looked at. Reads the
  /// whole array, block by block, once in the reader's life.
  public func hashOfValues(_ path: String) throws -> String {
    let array = try describe(path)
    return try uses.hash(array.path) {
      let hash = LogicalHash()
      if array.type == .utf8 {
        hash.update(try root.dataset(array.path).readStrings())
      } else {
        let hasher = BlockHasher()
        for block in ArrayBlocks(
          shape: array.shape, elementSize: array.type.byteCount ?? 1, chunk: array.chunk
        ).list {
          try hasher.add(block.count.reduce(array.type.byteCount ?? 1, *), to: hash) { bytes in
            try read(array, start: block.start, count: block.count, into: bytes)
          }
        }
        hasher.wait()
      }
      return hash.value(array.type, shape: array.shape)
    }
  }

  /// Values of a whole array, hashed as they were read where they are asked for in the type they are stored in.
  public func readHashed<Element: ArrayElement>(
    _ path: String, as type: Element.Type = Element.self
  ) throws -> NDArray<Element> {
    let values: NDArray<Element> = try read(path)
    let array = try describe(path)
    guard array.type == Element.elementType else { return values }
    _ = uses.hash(array.path) {
      let hash = LogicalHash()
      values.elements.withUnsafeBytes { hash.update($0) }
      return hash.value(array.type, shape: array.shape)
    }
    return values
  }

  /// Strings of a whole array, hashed as they were read.
  public func readTextsHashed(_ path: String) throws -> [String] {
    let texts = try readTexts(path)
    let array = try describe(path)
    _ = uses.hash(array.path) {
      let hash = LogicalHash()
      hash.update(texts)
      return hash.value(array.type, shape: array.shape)
    }
    return texts
  }

  /// Hash of the whole archive: sha256 over path and logical hash of every array, in the order of paths. Provenance,
  /// explanation and wall-clock seconds are left out, so that two runs of the same computation agree; so are the labels of axes.
  ///
  /// The hashes of arrays are those stored beside them; only where none is stored is it computed. Whoever edits values in place
  /// leaves this hash as it was: ``asSource(using:)`` computes.
  public func logicalHash() throws -> String { try logicalHash { _ in false } }

  private func logicalHash(computing: (String) -> Bool) throws -> String {
    var text = ""
    for path in try paths().sorted()
    where !path.isAboutArchive && !isWallClock(path) {
      let stored = computing(path) ? nil : try describe(path).sha256
      text += path + " " + (try stored ?? hashOfValues(path)) + "\n"
    }
    return LogicalHash.sha256(Array(text.utf8))
  }

  /// This archive as a source of another's provenance.
  ///
  /// Its hash has the form of ``logicalHash()``, and is equal to it when nobody changed values in place. The hashes of arrays that
  /// were read before, whole or in part, and of all arrays below `groups` are computed from the values; those of the others, which
  /// do not enter what is made, are taken as they are stored. Ask for it after reading. Reads the arrays named, each once.
  public func asSource(using groups: [String] = []) throws -> Provenance.Source {
    let sha256 = try logicalHash { path in
      uses.contains(path) || uses.computed[path] != nil
        || groups.contains { $0 == "/" || path == $0 || path.hasPrefix($0 + "/") }
    }
    return Provenance.Source(path: path, runID: runID, sha256: sha256, noun: kind.noun)
  }

  /// Compares what this archive says of `run`, which it was made from, with what that holds now; says nothing of an archive that was
  /// made from another run, or of a run that is still being written.
  /// - Throws: ``ArchiveError`` when the run holds other values.
  public func checkMade(from run: RunReader) throws {
    guard !run.isFolder, let source = try sources().first(where: { $0.runID == run.runID }) else {
      return
    }
    let now = try run.asSource(using: [Layout.Checkpoints.parameters])
    guard source.sha256 == now.sha256 else {
      throw ArchiveError(
        .layout,
        "\(path) was made from \(run.path) when that held other values (sha256 "
          + "\(source.sha256.prefix(8)) then, \(now.sha256.prefix(8)) now); restore that file, or make "
          + "\(path) anew")
    }
  }

  /// One line about arrays whose values do not have the hash stored beside them, among those whose hash was computed; nil when there
  /// are none.
  public func staleHashes() throws -> String? {
    let stale = try uses.computed.sorted { $0.key < $1.key }.filter { path, hash in
      let stored = try describe(path).sha256
      return stored != nil && stored != hash
    }.map(\.key)
    guard !stale.isEmpty else { return nil }
    let (verb, each) = stale.count == 1 ? ("does", "it") : ("do", "them")
    return
      "\(path): \(stale.joined(separator: ", ")) \(verb) not have the logical hash stored beside "
      + "\(each): the values were changed after the file was written; the provenance names the values as they are"
  }
}

extension RunSchema.Kind {
  /// What messages call such an archive.
  var noun: String {
    switch self {
    case .run: "run"
    case .fields: "fields"
    case .information: "estimates"
    case .metrics: "metrics"
    case .dataset: "data set"
    }
  }
}
