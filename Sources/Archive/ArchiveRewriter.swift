import Arrays
import Foundation
import HDF5

/// Writes an archive anew into one sealed file: with other chunks or compression, with some of its arrays, or joined
/// from the archives of several ranks. Values keep their logical hashes, the archive its run id and provenance.
public struct ArchiveRewriter {
  /// What changes.
  public struct Options: Sendable {
    /// What chunks are cut for; as they are when nil.
    public var pattern: ChunkPattern?
    /// Filters; as they are when nil.
    public var filters: ArraySchema.Filters?
    /// Whether halves become float32, which every reader opens.
    public var widening = false
    /// Patterns of the arrays to keep, `*` for anything; all when empty.
    public var selection: [String] = []

    /// Nothing changes.
    public init() {}
  }

  private let readers: [RunReader]
  private let options: Options
  private let pool = MemoryPool(limit: 32 << 20)
  /// Axis along which several archives are joined.
  private let axis: String
  private var schema: RunSchema

  /// Reads what `readers` hold: one archive, or the ranks of one run in order, to be joined along `axis`.
  /// - Throws: ``ArchiveError`` naming the array when ranks do not fit together, or no array is selected.
  public init(_ readers: [RunReader], along axis: String = "sample", _ options: Options) throws {
    (self.readers, self.options, self.axis) = (readers, options, axis)
    schema = try RunSchema(stored: readers[0])
    schema.arrays = schema.arrays.filter { options.includes($0.path) }
    guard !schema.arrays.isEmpty else {
      throw ArchiveError(
        .refused,
        "\(readers[0].path): no array matches \(options.selection.joined(separator: ", ")); "
          + "`isotherm-archive ls` lists them")
    }
    for index in schema.arrays.indices { try adapt(index) }
    if readers.count > 1 {
      schema.note("joined from \(readers.count) ranks along \(axis)")
      schema.provenance.sources = try readers.map { try $0.asSource() }
    } else {
      schema.note("written anew by isotherm-archive \(Provenance.version)")
    }
  }

  private mutating func adapt(_ index: Int) throws {
    var array = schema.arrays[index]
    if options.widening, array.type == .float16 || array.type == .bfloat16 { array.type = .float32 }
    if let filters = options.filters { array.filters = filters }
    if let pattern = options.pattern {
      array.pattern = pattern
      array.fixedChunk = nil
    }
    if let place = array.axes.firstIndex(where: { $0.name == axis }) {
      if readers.count > 1, array.axes[place].length != nil {
        array.axes[place].length = try readers.map { try $0.describe(array.path).shape[place] }
          .reduce(0, +)
      }
    }
    if readers.count > 1 { try checkRanks(array) }
    schema.arrays[index] = array
  }

  /// Every rank must have the array, alike but for its length along the axis.
  private func checkRanks(_ array: ArraySchema) throws {
    let first = try readers[0].describe(array.path)
    for reader in readers.dropFirst() {
      guard reader.contains(array.path) else {
        throw ArchiveError(
          .layout, "\(reader.path): \(array.path) is missing, which \(readers[0].path) has")
      }
      let other = try reader.describe(array.path)
      let alike = zip(first.axes, other.axes).allSatisfy {
        $0.name == $1.name && ($0.length == $1.length || $0.name == axis)
      }
      guard first.type == other.type, first.axes.count == other.axes.count, alike else {
        throw ArchiveError(
          .layout,
          "\(reader.path): \(array.path) has the shape \(other.shape), \(readers[0].path) has "
            + "\(first.shape); ranks may differ along \(axis) only")
      }
    }
  }

  /// Writes `file`, durably.
  /// - Throws: ``ArchiveError`` when the file exists and is not to be replaced, or an array that does not reach along the
  ///   axis differs between ranks.
  public func write(to file: String, replacing: Bool) throws {
    guard replacing || !FileManager.default.fileExists(atPath: file) else {
      throw ArchiveError(
        .exists, "\(file) exists already; pass --force to replace it, or choose another name")
    }
    try OutputGuard(readers.map(\.path)).check(file: file)
    let pending = PendingFile(file)
    do {
      let target = try File.create(pending.temporary)
      var rows: [String: Int] = [:]
      var texts: [String: [String]] = [:]
      for array in schema.arrays {
        rows[array.path] = try pieces(array).rows
        if array.type == .utf8 { texts[array.path] = try joinedTexts(array) }
      }
      let tree = TreeWriter(schema: schema, rows: rows, texts: texts) { array in
        try hash(array, in: target)
      }
      try tree.write(to: target, finished: nil) { group, array, shape in
        let dataset = try group.createDataset(
          array.name, array.type, shape: shape,
          DatasetCreation(
            maximumShape: array.isStream ? [nil] + shape.dropFirst().map { $0 } : nil,
            chunk: array.chunk(rows: shape.first ?? 1), filters: array.filters))
        try fill(dataset, array)
        return dataset
      }
      try target.close()
    }
    try pending.finish()
  }

  /// Where the axis of joining is among an array's; nil when it is not, or there is nothing to join.
  private func joint(_ array: ArraySchema) -> Int? {
    readers.count > 1 ? array.axes.firstIndex { $0.name == axis } : nil
  }

  private func pieces(_ array: ArraySchema) throws -> (pieces: [RowJoin.Piece], rows: Int) {
    var pieces: [RowJoin.Piece] = []
    var rows = 0
    for reader in joint(array) == 0 ? readers[...] : readers[..<1] {
      let dataset = try reader.root.dataset(array.path)
      guard let count = try dataset.shape.first else { continue }
      pieces.append(RowJoin.Piece(open: { dataset }, start: rows, count: count))
      rows += count
    }
    return (pieces, rows)
  }

  private func fill(_ dataset: Dataset, _ array: ArraySchema) throws {
    guard let joint = joint(array), joint > 0 else {
      if readers.count > 1, joint(array) == nil { try checkEqual(array) }
      return try RowJoin(array, pieces(array).pieces, pool).write(to: dataset)
    }
    // Blocks of rows, a rank at a time: what one rank holds is one hyperslab of the whole.
    var offset = 0
    for reader in readers {
      let source = try reader.root.dataset(array.path)
      let shape = try source.shape
      let rowBytes = shape.dropFirst().reduce(array.type.byteCount ?? 1, *)
      let step = max(1, (32 << 20) / max(rowBytes, 1))
      for row in stride(from: 0, to: shape[0], by: step) {
        let count = [min(step, shape[0] - row)] + shape.dropFirst()
        var start = shape.map { _ in 0 }
        start[0] = row
        var bytes = [UInt8](repeating: 0, count: count[0] * rowBytes)
        try bytes.withUnsafeMutableBytes {
          try source.readFast(into: $0, as: array.type, start: start, count: count)
        }
        start[joint] = offset
        try bytes.withUnsafeBytes {
          try dataset.write(from: $0, as: array.type, start: start, count: count)
        }
      }
      offset += shape[joint]
    }
  }

  /// An array without the axis is one and the same in every rank; wall-clock seconds are the first rank's.
  private func checkEqual(_ array: ArraySchema) throws {
    guard !array.path.contains("seconds") else { return }
    let hashes = Set(try readers.map { try $0.hash(of: array.path) })
    guard hashes.count == 1 else {
      throw ArchiveError(
        .layout,
        "\(array.path) has no axis \(axis) and differs between the ranks; join ranks of one run, or "
          + "leave it out with --select")
    }
  }

  private func joinedTexts(_ array: ArraySchema) throws -> [String] {
    try (joint(array) == 0 ? readers : [readers[0]]).flatMap { try $0.readTexts(array.path) }
  }

  private func hash(_ array: ArraySchema, in target: File) throws -> String? {
    let source = try readers[0].describe(array.path)
    if joint(array) == nil, source.type == array.type, let known = source.sha256 { return known }
    let hash = LogicalHash()
    if array.type == .utf8 {
      let texts = try joinedTexts(array)
      hash.update(texts)
      return hash.value(.utf8, shape: [texts.count])
    }
    let dataset = try target.root.dataset(array.path)
    try dataset.forEachBlock { bytes in hash.update(bytes) }
    return hash.value(array.type, shape: try dataset.shape)
  }
}

extension ArchiveRewriter.Options {
  /// Whether an array is kept.
  func includes(_ path: String) -> Bool {
    selection.isEmpty || selection.contains { path.matches(pattern: $0) }
  }
}

extension Dataset {
  /// Hands over all numbers as they are stored, in C order, some 16 MiB at a time.
  func forEachBlock(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let (shape, type) = (try shape, try elementType)
    guard !shape.contains(0) else { return }
    let rows = shape.first ?? 1
    let rowBytes = shape.dropFirst().reduce(type.byteCount ?? 1, *)
    let step = max(1, (16 << 20) / max(rowBytes, 1))
    for row in stride(from: 0, to: rows, by: step) {
      let count = shape.isEmpty ? [] : [min(step, rows - row)] + shape.dropFirst()
      let start = shape.isEmpty ? [] : [row] + shape.dropFirst().map { _ in 0 }
      var bytes = [UInt8](repeating: 0, count: count.first.map { $0 * rowBytes } ?? rowBytes)
      try bytes.withUnsafeMutableBytes {
        try readFast(into: $0, as: type, start: start, count: count)
      }
      try bytes.withUnsafeBytes(body)
    }
  }
}

extension String {
  /// Whether the text has this form, `*` standing for anything, also nothing.
  func matches(pattern: String) -> Bool {
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
    guard let first = parts.first, let last = parts.last else { return isEmpty }
    guard parts.count > 1 else { return self == pattern }
    guard hasPrefix(first) else { return false }
    var rest = dropFirst(first.count)
    for part in parts.dropFirst().dropLast() {
      guard let found = part.isEmpty ? rest.startIndex..<rest.startIndex : rest.range(of: part)
      else { return false }
      rest = rest[found.upperBound...]
    }
    return rest.hasSuffix(last)
  }
}

extension RunReader {
  /// The logical hash of an array: the stored one, or of the values where a run is not sealed.
  func hash(of path: String) throws -> String {
    let array = try describe(path)
    if let known = array.sha256 { return known }
    let hash = LogicalHash()
    if array.type == .utf8 {
      hash.update(try readTexts(path))
    } else {
      try root.dataset(path).forEachBlock { hash.update($0) }
    }
    return hash.value(array.type, shape: array.shape)
  }
}
