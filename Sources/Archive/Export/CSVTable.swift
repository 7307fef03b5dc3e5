import Arrays
import HDF5

/// One table: either arrays that share one axis, a column each, or a single array of any axes, a row a value with the
/// index along each axis before it.
struct CSVTable {
  private let items: [ArchiveExport.Item]

  init(_ items: [ArchiveExport.Item]) throws {
    self.items = items
    guard items.count > 1 else { return }
    for item in items
    where item.axes != items[0].axes || item.shape != items[0].shape
      || item.axes.count != 1
    {
      throw ArchiveError(
        .refused,
        "csv holds one table: arrays that share one axis, or a single array; \(items[0].name) is "
          + "[\(items[0].axes.joined(separator: ", "))] and \(item.name) is "
          + "[\(item.axes.joined(separator: ", "))]; choose with --select")
    }
  }

  func write(to out: OutputFile) throws {
    if items.count == 1 { return try writeLong(items[0], to: out) }
    try out.write(items.map { quoted($0.name) }.joined(separator: ",") + "\n")
    let columns = try items.map(texts)
    for row in 0..<items[0].shape[0] {
      try out.write(columns.map { $0[row] }.joined(separator: ",") + "\n")
    }
  }

  private func texts(_ item: ArchiveExport.Item) throws -> [String] {
    if item.type == .utf8 { return try item.dataset.readStrings().map(quoted) }
    var texts: [String] = []
    try item.forEachBlock { texts += Self.format($0, item.type) }
    return texts
  }

  private func writeLong(_ item: ArchiveExport.Item, to out: OutputFile) throws {
    try out.write((item.axes + [item.name]).map(quoted).joined(separator: ",") + "\n")
    var place = 0
    func put(_ values: [String]) throws {
      var lines = ""
      for value in values {
        var (rest, index) = (place, [String]())
        for length in item.shape.reversed() {
          index.append(String(rest % length))
          rest /= length
        }
        lines += (index.reversed() + [value]).joined(separator: ",") + "\n"
        place += 1
      }
      try out.write(lines)
    }
    if item.type == .utf8 { return try put(item.dataset.readStrings().map(quoted)) }
    try item.forEachBlock { try put(Self.format($0, item.type)) }
  }

  /// The shortest decimal that reads back as the same number.
  private static func format(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> [String] {
    func all<Number>(_ type: Number.Type) -> [String] {
      bytes.bindMemory(to: type).map { "\($0)" }
    }
    switch type {
    case .int8: return all(Int8.self)
    case .uint8: return all(UInt8.self)
    case .int16: return all(Int16.self)
    case .uint16: return all(UInt16.self)
    case .int32: return all(Int32.self)
    case .uint32: return all(UInt32.self)
    case .int64: return all(Int64.self)
    case .uint64: return all(UInt64.self)
    case .float16: return all(Float16.self)
    case .bfloat16:
      return bytes.bindMemory(to: UInt16.self).map { "\(BFloat16(bitPattern: $0).float)" }
    case .float32: return all(Float.self)
    case .float64: return all(Double.self)
    case .utf8: return []
    }
  }

  private func quoted(_ text: String) -> String {
    text.contains(where: { ",\"\n\r".contains($0) })
      ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}
