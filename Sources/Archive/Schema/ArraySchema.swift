import Arrays
import HDF5

/// The value of an attribute; clients of the archive need not import the HDF5 wrapper.
public typealias AttributeValue = HDF5.AttributeValue

/// What one array of an archive is, decided before its first row.
public struct ArraySchema: Sendable, Codable {
  /// Filters of chunks.
  public typealias Filters = DatasetCreation.Filters

  /// One axis of an array.
  public struct AxisSchema: Sendable, Codable {
    /// The glossary's word; also the name of the dimension scale in the array's group.
    public var name: String
    /// Length; nil for the axis that grows while the run is written.
    public var length: Int?
    /// Values along the axis; 0, 1, 2 … when nil.
    public var coordinates: [Double]?
    /// Unit of the coordinates.
    public var units: String
    /// What the axis counts or measures.
    public var longName: String

    /// A fixed axis.
    public init(
      _ name: String, _ length: Int?, coordinates: [Double]? = nil, units: String = "1",
      longName: String? = nil
    ) {
      (self.name, self.length, self.coordinates) = (name, length, coordinates)
      (self.units, self.longName) = (units, longName ?? "\(name) index")
    }

    /// The axis along which rows are appended.
    public static func growing(_ name: String) -> AxisSchema { AxisSchema(name, nil) }
  }

  /// Absolute path of the dataset.
  public var path: String
  /// Element type.
  public var type: ElementType
  /// Axes, slowest first; only the first may grow.
  public var axes: [AxisSchema]
  /// What the values are, in a few words.
  public var longName: String
  /// Unit; `1` where there is none, `nat` for information.
  public var units: String
  /// Names of further coordinate variables in the same group (CF `coordinates`).
  public var coordinates: [String]
  /// Further attributes.
  public var attributes: [String: AttributeValue]
  /// Filters of the chunks; shuffle, gzip-1 and a checksum, which every HDF5 library reads, unless set.
  public var filters = Filters.standard
  /// What chunks are cut for.
  public var pattern = ChunkPattern.write
  /// An axis of length 1 that readers see before the others: the one checkpoint whose samples are appended as rows. Parts are stored
  /// without it.
  public var lead: AxisSchema?
  /// Lengths of a chunk that were chosen before, whatever the pattern.
  var fixedChunk: [Int]?

  /// All there is to say of an array.
  public init(
    _ path: String, _ type: ElementType, _ axes: [AxisSchema], longName: String,
    units: String = "1", coordinates: [String] = [], attributes: [String: AttributeValue] = [:]
  ) {
    (self.path, self.type, self.axes) = (path, type, axes)
    (self.longName, self.units, self.coordinates) = (longName, units, coordinates)
    self.attributes = attributes
  }

  /// All axes as readers see them.
  var visibleAxes: [AxisSchema] { (lead.map { [$0] } ?? []) + axes }

  /// Lengths before those of the rows: 1 for an axis in front of them.
  var leadShape: [Int] { lead == nil ? [] : [1] }

  /// Whether rows are appended.
  public var isStream: Bool { axes.first.map { $0.length == nil } ?? false }

  /// Whether it is more than the labels of an axis.
  var isPlottable: Bool { !(axes.count == 1 && axes[0].name == name) && !axes.isEmpty }

  /// Group that holds the dataset.
  public var group: String {
    let parts = path.split(separator: "/").dropLast()
    return "/" + parts.joined(separator: "/")
  }

  /// Last part of the path.
  public var name: String { String(path.split(separator: "/").last ?? "") }

  /// Lengths with `rows` for the growing axis.
  public func shape(rows: Int) -> [Int] { axes.map { $0.length ?? rows } }

  /// Elements of one row.
  public var rowCount: Int { axes.dropFirst().map { $0.length ?? 1 }.reduce(1, *) }

  /// Lengths of a chunk of about 1 MiB; see ``ChunkPattern``.
  public var chunk: [Int] {
    if let fixedChunk { return fixedChunk }
    let bytes = type.byteCount ?? 8
    var chunk = axes.map { $0.length ?? 1 }
    switch pattern {
    case .write, .layer:
      let budget = pattern == .layer ? (8 << 20) / bytes : (1 << 20) / bytes
      if isStream && rowCount * 64 <= budget { chunk[0] = min(4096, max(1, budget / rowCount)) }
      shrink(&chunk, from: isStream ? 1 : 0, to: budget)
    case .sample:
      let budget = (1 << 20) / bytes
      if isStream { chunk[0] = 64 }
      if chunk.count > 1 { chunk[1] = 1 }
      let rest = chunk.reduce(1, *)
      if chunk.count > 1, let samples = axes[1].length {
        chunk[1] = max(1, min(samples, budget / max(rest, 1)))
      }
      shrink(&chunk, from: 0, to: budget)
    }
    return chunk.map { max($0, 1) }
  }

  /// Lengths of a chunk in a part of `rows` rows: a part with fewer rows than a chunk is one short chunk, since each
  /// chunk is stored whole.
  func chunk(rows: Int) -> [Int] {
    var chunk = chunk
    if isStream { chunk[0] = min(chunk[0], max(rows, 1)) }
    return chunk
  }

  /// Shortens axes in order until a chunk has at most `budget` elements.
  private func shrink(_ chunk: inout [Int], from start: Int, to budget: Int) {
    var axis = start
    while chunk.reduce(1, *) > budget, axis < chunk.count {
      let rest = chunk.reduce(1, *) / chunk[axis]
      chunk[axis] = max(1, min(chunk[axis], budget / max(rest, 1)))
      axis += 1
    }
  }
}

/// Which way of reading the chunks of an array are cut for.
public enum ChunkPattern: String, Sendable, Codable, CaseIterable {
  /// As rows are written: one row a chunk (up to 4,096 short ones), as many of the second axis as make 1 MiB.
  case write
  /// One sample in all of up to 64 checkpoints at once: whole trailing planes of few samples, many rows.
  case sample
  /// All samples of one checkpoint at once: as ``write``, with chunks of up to 8 MiB.
  case layer
}
