import Arrays
import HDF5

/// Joins the same array of several ranks along one axis.
struct RankJoin {
  private let sources: [Dataset]
  private let axis: Int
  private let type: ElementType
  private let pool: MemoryPool

  init(_ sources: [Dataset], axis: Int, _ type: ElementType, _ pool: MemoryPool) {
    (self.sources, self.axis, self.type, self.pool) = (sources, axis, type, pool)
  }

  /// Fills `target`, in chunks as `schema` says where there is one; returns the logical hash of all values as they were read.
  /// A scale that counts from zero in every rank counts on through the whole.
  func write(to target: Dataset, isScale: Bool, _ schema: ArraySchema?) throws -> String {
    let shape = try target.shape
    if type == .utf8 {
      guard axis == 0 else {
        throw ArchiveError(
          .refused,
          "\(target.path): text is joined along its first axis only; leave it out with --select")
      }
      let texts = try sources.map { try $0.readTextBytes() }.joined()
      try target.writeStrings(texts.map { String(decoding: $0, as: UTF8.self) })
      let hash = LogicalHash()
      hash.update(Array(texts))
      return hash.value(.utf8, shape: shape)
    }
    if isScale, shape.count == 1, try sources.allSatisfy({ try $0.isCounting }) {
      if try sources[0].isBareScale { return try hash(of: target) }
      return try write((0..<shape[0]).map(Double.init), to: target)
    }
    if axis == 0, let schema {
      var (pieces, rows) = ([RowJoin.Piece](), 0)
      for source in sources {
        let count = try source.shape[0]
        pieces.append(RowJoin.Piece(open: { source }, start: rows, count: count))
        rows += count
      }
      try RowJoin(schema, pieces, pool, holes: nil).write(to: target)
      let (hash, hasher) = (LogicalHash(), BlockHasher())
      defer { hasher.wait() }
      for source in sources { try source.add(to: hash, as: type, hasher) }
      hasher.wait()
      return hash.value(type, shape: shape)
    }
    return try writeBlocks(to: target)
  }

  private func write(_ values: [Double], to target: Dataset) throws -> String {
    try target.write(values)
    return try hash(of: target)
  }

  private func hash(of target: Dataset) throws -> String {
    let hash = LogicalHash()
    try target.forEachBlock(as: type) { hash.update($0) }
    return hash.value(type, shape: try target.shape)
  }

  /// Blocks of rows, every rank's part of each put where it belongs.
  private func writeBlocks(to target: Dataset) throws -> String {
    let shape = try target.shape
    let hash = LogicalHash()
    let size = type.byteCount ?? 1
    let rowBytes = shape.dropFirst().reduce(size, *)
    let step = max(1, (16 << 20) / max(rowBytes, 1))
    for row in stride(from: 0, to: axis == 0 ? 1 : shape[0], by: step) {
      let rows = axis == 0 ? shape[0] : min(step, shape[0] - row)
      var block = [UInt8](repeating: 0, count: rows * rowBytes)
      var place = 0
      for source in sources {
        var (count, start) = (try source.shape, shape.map { _ in 0 })
        if axis > 0 { (count[0], start[0]) = (rows, row) }
        var bytes = [UInt8](repeating: 0, count: count.reduce(size, *))
        try bytes.withUnsafeMutableBytes {
          try source.readFast(into: $0, as: type, start: start, count: count)
        }
        // What a rank holds of the block is one run of bytes for each place on the axes before the joined one.
        let (run, whole) = (
          count[axis...].reduce(size, *), shape[axis...].reduce(size, *)
        )
        if axis == 0 {
          block.replaceSubrange(place..<(place + bytes.count), with: bytes)
        } else if run > 0 {
          for index in 0..<(bytes.count / run) {
            let from = index * whole + place
            block.replaceSubrange(
              from..<(from + run), with: bytes[(index * run)..<((index + 1) * run)])
          }
        }
        place += run
      }
      block.withUnsafeBytes { hash.update($0) }
      try block.withUnsafeBytes {
        try target.write(
          from: $0, as: type, start: [row] + shape.dropFirst().map { _ in 0 },
          count: [rows] + shape.dropFirst())
      }
    }
    return hash.value(type, shape: shape)
  }
}

extension Dataset {
  /// Whether its values are 0, 1, 2, and so on, or were left out because they would be.
  fileprivate var isCounting: Bool {
    get throws {
      if try isBareScale { return true }
      let values = try read(Double.self)
      return values.enumerated().allSatisfy { Double($0.offset) == $0.element }
    }
  }
}

extension ArchiveRewriter {
  /// Where the axis of joining is among an array's; nil when it is not.
  func joint(of path: String, _ dataset: Dataset) throws -> Int? {
    let names = try dataset.axisNames()
    if let place = names.firstIndex(of: axis) { return place }
    // A scale labels itself.
    let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String($0) ?? "" }
    return try dataset.isScale && dataset.shape.count == 1 && name == axis ? 0 : nil
  }
}

/// What must hold before the ranks of one run are joined.
struct RankCheck {
  private let readers: [RunReader]
  private let axis: String
  private let plan: RewritePlan
  private let hasher = BlockHasher()

  init(_ readers: [RunReader], _ axis: String, _ plan: RewritePlan) {
    (self.readers, self.axis, self.plan) = (readers, axis, plan)
  }

  /// - Throws: ``ArchiveError`` naming what the ranks do not share: an array, a shape, an attribute, values without the axis.
  func run() throws {
    let names = readers.map { ObjectNames($0.root) }
    for (owner, item) in plan.allItems
    where !item.path.hasPrefix(Layout.Provenance.group) && !item.isGroup {
      guard case .object(.dataset, _) = item.link.target else { continue }
      let first = try owner.group.dataset(item.link.name)
      for (reader, other) in zip(readers, names).dropFirst() {
        guard reader.contains(item.path) else {
          throw ArchiveError(
            .layout, "\(reader.path): \(item.path) is missing, which \(readers[0].path) has")
        }
        try compare(item, first, names[0], reader.root.dataset(item.path), other)
      }
    }
    let known = Set(plan.allItems.map { Array($0.item.path.utf8) })
    guard plan.isWhole else { return }
    for reader in readers.dropFirst() {
      for object in try reader.objects()
      where !known.contains(Array(object.path.utf8)) && !Layout.Provenance.contains(object.path) {
        throw ArchiveError(
          .layout, "\(readers[0].path): \(object.path) is missing, which \(reader.path) has")
      }
    }
  }

  private func compare(
    _ item: RewritePlan.Item, _ first: Dataset, _ names: ObjectNames, _ second: Dataset,
    _ others: ObjectNames
  ) throws {
    func refuse(_ what: String) -> ArchiveError {
      ArchiveError(
        .layout, "\(second.file): \(item.path) \(what); ranks may differ along \(axis) only")
    }
    let (a, b) = (try first.shape, try second.shape)
    let labels = try first.axisNames()
    let isScaleOfAxis = item.kind == .scale && item.link.name.text == axis
    let fits =
      a.count == b.count
      && zip(labels, zip(a, b)).allSatisfy { $0 == axis || $1.0 == $1.1 || isScaleOfAxis }
    guard fits, try labels == second.axisNames(), try first.storedType == second.storedType else {
      throw refuse(
        "is \(try second.storedType) \(b), \(first.file) has \(try first.storedType) \(a)")
    }
    let skipped = Set(
      ["logical_sha256", "DIMENSION_LIST", "REFERENCE_LIST"].map { StoredName($0) })
    let x = Set(try first.storedAttributes(names).filter { !skipped.contains($0.name) })
    let y = Set(try second.storedAttributes(others).filter { !skipped.contains($0.name) })
    if let odd = x.symmetricDifference(y).first {
      throw refuse("has another attribute \(odd.name.shown) than in \(first.file)")
    }
    // Wall-clock seconds are the first rank's.
    guard !labels.contains(axis), !isScaleOfAxis, try !WallClock.holds(item.path, first) else {
      return
    }
    let isEqual =
      item.kind == .foreign
      ? try first.imageHash(names) == second.imageHash(others)
      : try first.valueHash(hasher) == second.valueHash(hasher)
    guard isEqual else {
      throw ArchiveError(
        .layout,
        "\(item.path) has no axis \(axis) and differs between the ranks; join ranks of one run, or "
          + "leave it out with --select")
    }
  }
}
