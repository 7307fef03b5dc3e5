import Arrays
import HDF5

/// One table: either arrays that share one axis, a column each, or a single array of any axes, a row a value with the
/// index along each axis before it.
///
/// RFC 4180 with line feeds, byte by byte: what looks like one letter to Swift, a line break of two bytes or a quote with an accent
/// on it, still is a line break and a quote. Numbers are the shortest decimals that read back as the same; those that are
/// none are `nan`, `inf` and `-inf`.
struct CSVTable {
  private let items: [ArchiveExport.Item]

  init(_ items: [ArchiveExport.Item]) throws {
    self.items = items
    guard items.count > 1 else { return }
    for item in items.dropFirst() {
      guard item.axes.count == 1, item.axes == items[0].axes, item.shape == items[0].shape else {
        throw ArchiveError(
          .refused,
          "csv holds one table: arrays that share one axis, or a single array; \(items[0].name) is "
            + "[\(items[0].axes.joined(separator: ", "))] and \(item.name) is "
            + "[\(item.axes.joined(separator: ", "))]; choose with --select")
      }
      guard try Self.shareCoordinates(items[0], item) else {
        throw ArchiveError(
          .refused,
          "csv holds one table: \(items[0].name) and \(item.name) have other coordinates along "
            + "\(item.axes[0]); choose with --select")
      }
    }
  }

  /// Whether the labels of the one axis are equal: `layer` of two groups may count other layers.
  private static func shareCoordinates(
    _ first: ArchiveExport.Item, _ second: ArchiveExport.Item
  ) throws -> Bool {
    guard let a = try scale(first), let b = try scale(second) else { return true }
    guard try a.elementType == b.elementType else { return false }
    let hasher = BlockHasher()
    return try a.valueHash(hasher) == b.valueHash(hasher)
  }

  private static func scale(_ item: ArchiveExport.Item) throws -> Dataset? {
    if item.dataset.isScale { return item.dataset }
    let path = parentPath(item.path) + "/" + item.axes[0]
    guard item.reader.root.contains(path), item.reader.root.kind(path) == .dataset else {
      return nil
    }
    let dataset = try item.reader.root.dataset(path)
    return dataset.isScale ? dataset : nil
  }

  private static func parentPath(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return String(path[..<slash])
  }

  /// Writes the table; it is one region of the file.
  func write(to out: OutputFile) throws -> ArchiveExport.Region {
    let hash = LogicalHash()
    var notes: [String] = []
    func put(_ line: [UInt8]) throws {
      line.withUnsafeBytes { hash.update($0) }
      try out.write(line)
    }
    if items.count == 1 {
      notes += try writeLong(items[0], put)
    } else {
      try put(Self.line(items.map { Self.quoted($0.name.utf8) }))
      let columns = try items.map { item in
        var cells: [[UInt8]] = []
        notes += try Self.forEachCells(item) { cells += $0 }
        return cells
      }
      for row in 0..<items[0].shape[0] { try put(Self.line(columns.map { $0[row] })) }
    }
    return ArchiveExport.Region(
      name: "the table", start: 0, count: out.count,
      hash: hash.value(.uint8, shape: [out.count]),
      note: notes.isEmpty ? nil : notes.joined(separator: "; "))
  }

  private func writeLong(
    _ item: ArchiveExport.Item, _ put: ([UInt8]) throws -> Void
  ) throws -> [String] {
    try put(Self.line((item.axes + [item.name]).map { Self.quoted($0.utf8) }))
    var place = 0
    return try Self.forEachCells(item) { cells in
      var lines: [UInt8] = []
      for cell in cells {
        let index = ValueComparison.place(place, item.shape).map { Array(String($0).utf8) }
        lines += Self.line(index + [cell])
        place += 1
      }
      try put(lines)
    }
  }

  /// Hands over all cells in C order; returns what has to be said of the array.
  private static func forEachCells(
    _ item: ArchiveExport.Item, _ body: ([[UInt8]]) throws -> Void
  ) throws -> [String] {
    let hash = LogicalHash()
    if item.type == .utf8 {
      let texts = try item.texts()
      hash.update(texts)
      try body(texts.map(quoted))
    } else {
      try item.forEachBlock {
        hash.update($0)
        try body(format($0, item.type))
      }
    }
    guard item.row == nil, let claim = item.claim, claim != hash.value(item.type, shape: item.shape)
    else { return [] }
    return [
      "\(item.reader.path):\(item.path): the values do not have the logical hash stored beside them: they "
        + "were changed after sealing; they are exported as they are"
    ]
  }

  /// The shortest decimal that reads back as the same number.
  private static func format(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> [[UInt8]] {
    func whole<Number: FixedWidthInteger>(_ type: Number.Type) -> [[UInt8]] {
      bytes.bindMemory(to: type).map { Array(String($0).utf8) }
    }
    func real<Number: BinaryFloatingPoint & LosslessStringConvertible>(
      _ value: Number
    ) -> [UInt8] {
      // Swift writes the payload of some NaN, which nothing else reads.
      Array((value.isNaN ? "nan" : "\(value)").utf8)
    }
    switch type {
    case .int8: return whole(Int8.self)
    case .uint8: return whole(UInt8.self)
    case .int16: return whole(Int16.self)
    case .uint16: return whole(UInt16.self)
    case .int32: return whole(Int32.self)
    case .uint32: return whole(UInt32.self)
    case .int64: return whole(Int64.self)
    case .uint64: return whole(UInt64.self)
    case .float16: return bytes.bindMemory(to: Float16.self).map(real)
    case .bfloat16:
      return bytes.bindMemory(to: UInt16.self).map { real(BFloat16(bitPattern: $0).float) }
    case .float32: return bytes.bindMemory(to: Float.self).map(real)
    case .float64: return bytes.bindMemory(to: Double.self).map(real)
    case .utf8: return []
    }
  }

  private static func line(_ cells: [[UInt8]]) -> [UInt8] {
    // A line of one empty cell is an empty line, which readers skip.
    if cells == [[]] { return Array("\"\"\n".utf8) }
    return Array(cells.joined(separator: [UInt8(ascii: ",")])) + [UInt8(ascii: "\n")]
  }

  private static let special = Set(",\"\n\r".utf8)

  private static func quoted<Text: Collection<UInt8>>(_ text: Text) -> [UInt8] {
    guard text.contains(where: special.contains) else { return Array(text) }
    let quote = UInt8(ascii: "\"")
    return [quote] + text.flatMap { $0 == quote ? [quote, quote] : [$0] } + [quote]
  }
}
