import Arrays
import HDF5

extension ArchiveExport {
  /// One array to export: all of it, or one row of its first axis.
  struct Item {
    /// Name in the exported file.
    let name: String
    let path: String
    let reader: RunReader
    let dataset: Dataset
    let type: ElementType
    /// The row that is exported; nil for all.
    let row: Int?
    /// Shape of what is exported.
    let shape: [Int]
    let axes: [String]
    /// The logical hash that the archive says the whole array has.
    let claim: String?

    var byteCount: Int { shape.reduce(type.byteCount ?? 0, *) }

    /// Hands over the values in C order, little endian, some 4 MiB at a time.
    func forEachBlock(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
      let chunk = try dataset.layout.map { row == nil ? $0.chunk : Array($0.chunk.dropFirst()) }
      let blocks = ArrayBlocks(shape: shape, elementSize: type.byteCount ?? 1, chunk: chunk)
      for block in blocks.list {
        var bytes = [UInt8](repeating: 0, count: block.count.reduce(type.byteCount ?? 1, *))
        try bytes.withUnsafeMutableBytes {
          try dataset.readFast(
            into: $0, as: type, start: (row.map { [$0] } ?? []) + block.start,
            count: (row == nil ? [] : [1]) + block.count)
        }
        try bytes.withUnsafeBytes(body)
      }
      try reader.checkSources(dataset)
    }

    /// All strings as they are stored.
    func texts() throws -> [ArraySlice<UInt8>] {
      let texts = try dataset.readTextBytes()
      guard let row else { return texts }
      let width = shape.reduce(1, *)
      return Array(texts[(row * width)..<((row + 1) * width)])
    }
  }

  /// Bytes of an exported file that are the values of one array, to be read back.
  struct Region {
    let name: String
    let start: Int
    let count: Int
    /// The sha256 of what was handed to the system.
    let hash: String
    /// What is said of the array, because it is not what the archive says it is.
    var note: String?
  }

  /// What was exported.
  public struct Outcome: Sendable {
    /// Names in the exported file.
    public var arrays: [String]
    /// Objects that were asked for, but that the format cannot hold: path and reason.
    public var leftOut: [(path: String, reason: String)] = []
    /// What else has to be said.
    public var notes: [String] = []
  }
}

/// Hands bytes of one array on to a file, and remembers what they were.
struct RegionWriter {
  private let item: ArchiveExport.Item
  private let out: OutputFile
  private let start: Int
  private let written = LogicalHash()
  private let read = LogicalHash()

  /// Begins where the file ends now.
  init(_ item: ArchiveExport.Item, _ out: OutputFile) {
    (self.item, self.out, start) = (item, out, out.count)
  }

  /// Takes note of values that were read and are written in another form.
  func note(_ values: UnsafeRawBufferPointer) { read.update(values) }

  /// Writes bytes that are no values: the head of a member.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    written.update(bytes)
    try out.write(bytes)
  }

  /// What was written.
  func region() -> ArchiveExport.Region {
    var region = ArchiveExport.Region(
      name: item.name, start: start, count: out.count - start,
      hash: written.value(.uint8, shape: [out.count - start]))
    if item.row == nil, let claim = item.claim, read.value(item.type, shape: item.shape) != claim {
      region.note =
        "\(item.reader.path):\(item.path): the values do not have the logical hash stored beside them: "
        + "they were changed after sealing; they are exported as they are"
    }
    return region
  }
}
