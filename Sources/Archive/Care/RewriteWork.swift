import Arrays
import HDF5

/// An array that was written, to be read back.
struct WrittenArray {
  let path: String
  /// Type it has now.
  let type: ElementType
  /// Its logical hash as far as it was known before; nil where it is compared in another way.
  let expected: String?
  /// Whether the hash is stored beside it.
  let isHashed: Bool
  /// Whether `expected` is what the source says of itself, not yet compared with any value.
  let isClaim: Bool
  /// Whether it is joined from several ranks.
  let isJoined: Bool
}

/// Copies the objects of a plan, one after the other.
struct RewriteWork {
  let rewriter: ArchiveRewriter
  let copy: TreeCopy
  private(set) var written: [WrittenArray] = []
  private(set) var notes: [String] = []
  private let hasher = BlockHasher()

  init(rewriter: ArchiveRewriter, copy: TreeCopy) {
    (self.rewriter, self.copy) = (rewriter, copy)
  }

  private var reader: RunReader { rewriter.readers[0] }
  private var isJoining: Bool { rewriter.readers.count > 1 }

  mutating func copyGroup(_ plan: RewritePlan, to target: Group) throws {
    for (index, item) in plan.items.enumerated() {
      // The whole has the ranks as its sources.
      if isJoining, Layout.Provenance.isSource(item.path) { continue }
      switch item.link.target {
      case .object(let kind, let address):
        if copy.contains(address) {
          _ = try copy.makeLink(item.link, in: target)
        } else if let below = plan.groups[index] {
          try copyGroup(
            below, to: copy.makeGroup(item.link, like: below.group, in: target))
        } else if kind == .dataset, item.kind == .array || item.kind == .scale {
          try copyArray(item, plan.group, target)
        } else {
          try copy.copy(item.link, of: plan.group, in: target)
        }
      case .soft, .external, .unknown: try copy.makePath(item.link, in: target)
      }
    }
  }

  private mutating func copyArray(
    _ item: RewritePlan.Item, _ group: Group, _ target: Group
  ) throws {
    let dataset = try group.dataset(item.link.name)
    let stored = try dataset.elementType
    let isWidened = rewriter.options.widening && [.float16, .bfloat16].contains(stored)
    let type = isWidened ? .float32 : stored
    let joint = isJoining ? try rewriter.joint(of: item.path, dataset) : nil
    if isWidened { notes.append("\(item.path) is widened from \(stored.rawValue) to float32") }
    let claim = try dataset.attribute("logical_sha256")?.text.flatMap { $0.isEmpty ? nil : $0 }
    // A hash says that all values are there: not of somebody else's array with values that were never written.
    let isWhole = try claim != nil || dataset.firstUnwritten() == nil
    let isHashed = item.kind == .array && !item.path.isAboutArchive && isWhole
    let isClaim = isHashed && joint == nil && !isWidened && claim != nil
    let layout = try layout(item, dataset, type, joint)
    var leavingOut: Set<String> = []
    if isHashed, !isClaim { leavingOut = ["logical_sha256"] }
    var expected = isClaim ? claim : nil
    if let layout {
      let made = try target.createDataset(item.link.name, like: dataset, layout.image)
      copy.adopt(item.link, of: group, in: target, leavingOut: leavingOut)
      expected = try fill(made, item, dataset, type, layout, joint) ?? expected
    } else {
      try copy.copy(item.link, of: group, in: target, leavingOut: leavingOut)
    }
    if isHashed, expected == nil {
      expected = try dataset.valueHash(as: type, hasher)
      try reader.checkSources(dataset)
    }
    written.append(
      WrittenArray(
        path: item.path, type: type, expected: expected, isHashed: isHashed, isClaim: isClaim,
        isJoined: joint != nil))
  }

  /// How an array is written where it cannot be copied whole; nil where it can.
  private struct StoredLayout {
    var image = ImageLayout()
    /// What is written chunk by chunk; nil for values written in one go.
    var schema: ArraySchema?
    /// Whether stored chunks are copied as they are.
    var isRaw = false
  }

  private mutating func layout(
    _ item: RewritePlan.Item, _ dataset: Dataset, _ type: ElementType, _ joint: Int?
  ) throws -> StoredLayout? {
    var (layout, shape) = (StoredLayout(), try dataset.shape)
    if let joint {
      shape[joint] = try rewriter.readers.map { try $0.root.dataset(item.path).shape[joint] }
        .reduce(0, +)
      layout.image.shape = shape
    }
    let stored = try dataset.elementType
    let now = try dataset.layout
    let options = rewriter.options
    guard type != .utf8 else { return joint == nil ? nil : layout }
    let (isWhole, isWidened) = (try dataset.isSelfContained, type != stored)
    if isWidened { layout.image.type = type }
    let isEmpty = shape.contains(0)
    if item.kind == .scale || shape.isEmpty || isEmpty {
      if joint == nil, isWhole, !isWidened { return nil }
      if !isWhole || joint != nil { layout.image.storage = .block }
      return layout
    }
    var schema = ArraySchema(
      item.path, type,
      try shape.enumerated().map { axis, length in
        .init("\(axis)", try axis == 0 && dataset.isExtendible ? nil : length)
      }, longName: "")
    if let filters = options.filters ?? now?.filters { schema.filters = filters }
    if let pattern = options.pattern {
      schema.pattern = pattern
    } else {
      schema.fixedChunk = now?.chunk
    }
    let chunk = schema.chunk(rows: shape[0])
    let isCutAnew =
      (options.pattern != nil && chunk != now?.chunk)
      || (options.filters != nil && options.filters != now?.filters)
    // Other chunks would put values where none were ever written.
    let keepsHoles =
      try isCutAnew && joint == nil && isWhole && !isWidened
      && dataset.fillValue == .standard && dataset.firstUnwritten() != nil
    if keepsHoles {
      notes.append(
        "\(item.path) keeps its chunks and their compression: some of its values were never written"
      )
    }
    if joint == nil, isWhole, !isWidened, !isCutAnew || keepsHoles {
      guard now != nil else { return nil }
      layout.isRaw = true
      return layout
    }
    layout.image.type = type
    layout.image.storage = .chunks(chunk, schema.filters)
    layout.schema = schema
    return layout
  }

  /// Writes the values; returns the logical hash where it had to be made on the way.
  private func fill(
    _ made: Dataset, _ item: RewritePlan.Item, _ dataset: Dataset, _ type: ElementType,
    _ layout: StoredLayout, _ joint: Int?
  ) throws -> String? {
    let readers = rewriter.readers
    if layout.isRaw {
      try made.copyChunks(from: dataset)
      return nil
    }
    if let joint {
      let sources = try readers.map { try $0.root.dataset(item.path) }
      return try RankJoin(sources, axis: joint, type, rewriter.pool).write(
        to: made, isScale: item.kind == .scale, layout.schema)
    }
    if let schema = layout.schema {
      let count = try dataset.shape[0]
      try RowJoin(
        schema, [RowJoin.Piece(open: { dataset }, start: 0, count: count)], rewriter.pool,
        holes: nil
      ).write(to: made)
    } else if try !dataset.shape.contains(0) {
      var bytes = [UInt8](
        repeating: 0, count: try dataset.shape.reduce(type.byteCount ?? 1, *))
      try bytes.withUnsafeMutableBytes {
        try dataset.readFast(into: $0, as: type, start: nil, count: nil)
      }
      try bytes.withUnsafeBytes { try made.write(from: $0, as: type) }
    }
    try reader.checkSources(dataset)
    return nil
  }
}
