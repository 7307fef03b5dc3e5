import Archive
import Arrays
import Console
import Figures
import Foundation

/// The archive behind a figure, and which of its arrays were read.
final class FigureSource {
  let reader: RunReader
  private(set) var used: [String] = []

  /// Further archives that the figure shows.
  let beside: [FigureSource]

  init(_ path: String, beside: [String] = []) throws {
    reader = try RunReader(path)
    self.beside = try beside.map { try FigureSource($0) }
  }

  /// Most values of an array that are held: 1 GB.
  static let most = 1 << 27

  /// Whether this archive says that it was made from another.
  func isMade(from other: RunReader) throws -> Bool {
    try reader.sources().contains { $0.runID == other.runID }
  }

  /// Reads an array as doubles, and remembers that the figure shows it.
  /// - Throws: ``ArchiveError`` when it has not the number of axes that is expected.
  func numbers(_ path: String, axes: Int? = nil) throws -> NDArray<Double> {
    let shape = try reader.describe(path).shape
    guard axes == nil || shape.count == axes else {
      throw ArchiveError(
        .system,
        "\(reader.path): \(path) has the shape \(shape); expected \(axes ?? 0) axes; write it again with this version"
      )
    }
    try bound(path, shape)
    note(path)
    return try reader.read(path)
  }

  /// Reads an array of whole numbers.
  func integers(_ path: String) throws -> [Int] {
    try numbers(path).elements.map { value in
      guard let whole = Int(exactly: value) else {
        throw ArchiveError(
          .layout, "\(reader.path): \(path) holds \(value); expected whole numbers")
      }
      return whole
    }
  }

  /// Whether an estimate's flags say that it is saturated.
  static func isSaturated(_ flags: Double) -> Bool { (Int(exactly: flags) ?? 0) & 1 != 0 }

  /// The rounding of an array's numbers, relative to their size.
  func digits(_ path: String) throws -> Double {
    switch try reader.describe(path).type {
    case .float64: .ulpOfOne
    default: Double(Float.ulpOfOne)
    }
  }

  /// Reads one position of the first axis as doubles.
  func row(_ path: String, _ index: Int) throws -> NDArray<Double> {
    try bound(path, Array(reader.describe(path).shape.dropFirst()))
    note(path)
    return try reader.readRow(path, index)
  }

  /// Reads a part of an array as doubles.
  func part(_ path: String, start: [Int], count: [Int]) throws -> NDArray<Double> {
    try bound(path, count)
    note(path)
    return try reader.read(path, start: start, count: count)
  }

  /// Refuses what would fill the memory before any is taken: a dataset of which nothing was written may say that it is of any size.
  private func bound(_ path: String, _ shape: [Int]) throws {
    guard let count = Self.product(shape), count <= Self.most else {
      throw UsageError(
        "\(reader.path): \(path) of the shape \(shape) is more than a figure holds, \(Self.most) values; draw a part of it with "
          + "`isotherm-plot any --at`")
    }
  }

  /// How many values a shape has; nil for more than can be counted.
  static func product(_ shape: [Int]) -> Int? {
    var count = 1
    for length in shape {
      let (next, isMore) = count.multipliedReportingOverflow(by: length)
      guard !isMore else { return shape.contains(0) ? 0 : nil }
      count = next
    }
    return count
  }

  /// The last two axes of an array from `start`, averaged over blocks while they are read, so that at most `limit` rows and columns
  /// are held; blocks without a number are NaN.
  func averaged(
    _ path: String, start: [Int], rows: Int, columns: Int, limit: Int
  ) throws -> (values: [Double], rows: Int, columns: Int) {
    note(path)
    let (down, across) = ((rows + limit - 1) / limit, (columns + limit - 1) / limit)
    let (newRows, newColumns) = ((rows + down - 1) / down, (columns + across - 1) / across)
    var means = BlockMeans(count: newRows * newColumns)
    // 16 MB at a time, whole rows where they are shorter.
    let width = min(columns, 2 << 20)
    let step = max(1, (2 << 20) / max(width, 1))
    for first in stride(from: 0, to: rows, by: step) {
      for left in stride(from: 0, to: columns, by: width) {
        try Interruption.check("nothing is written") {}
        let (count, part) = (min(step, rows - first), min(width, columns - left))
        let values: NDArray<Double> = try reader.read(
          path, start: start + [first, left], count: start.map { _ in 1 } + [count, part])
        values.elements.withUnsafeBufferPointer { values in
          for row in 0..<count {
            let target = (first + row) / down * newColumns
            for column in 0..<part {
              means.add(values[row * part + column], to: target + (left + column) / across)
            }
          }
        }
      }
    }
    return (means.values, newRows, newColumns)
  }

  /// The last axis of an array from `start` as the lowest and highest value of each of `buckets` stretches, and where they begin; a
  /// stretch without a number is NaN.
  func extremes(
    _ path: String, start: [Int], length: Int, buckets: Int
  ) throws -> (places: [Double], values: [Double]) {
    note(path)
    var (places, out) = ([Double](), [Double]())
    let width = (length + buckets - 1) / buckets
    let step = max(1, (4 << 20) / width) * width
    for first in stride(from: 0, to: length, by: step) {
      try Interruption.check("nothing is written") {}
      let count = min(step, length - first)
      let values: NDArray<Double> = try reader.read(
        path, start: start + [first], count: start.map { _ in 1 } + [count])
      for bucket in stride(from: 0, to: count, by: width) {
        var (low, high) = (Double.infinity, -Double.infinity)
        for i in bucket..<min(bucket + width, count) where !values.elements[i].isNaN {
          low = min(low, values.elements[i])
          high = max(high, values.elements[i])
        }
        places += [Double(first + bucket), Double(first + bucket)]
        out += low <= high ? [low, high] : [.nan, .nan]
      }
    }
    return (places, out)
  }

  /// Values along an axis of an array: those of its scale in the same group, or 0, 1, 2 ….
  func coordinates(_ path: String, _ axis: String, length: Int) throws -> [Double] {
    let group = path.split(separator: "/").dropLast().joined(separator: "/")
    let scale = "/\(group)/\(axis)"
    if reader.contains(scale), try reader.describe(scale).shape == [length] {
      let values: NDArray<Double> = try reader.read(scale)
      return values.elements
    }
    return (0..<length).map(Double.init)
  }

  /// Reads texts.
  func texts(_ path: String) throws -> [String] {
    note(path)
    return try reader.readTexts(path)
  }

  /// Remembers that the figure shows an array.
  func note(_ path: String) {
    if !used.contains(path) { used.append(path) }
  }

  /// How many samples an array of metrics or estimates rests on; 0 when it does not say.
  func samples(_ path: String) throws -> Int {
    Int(try reader.attribute(path, "samples")?.integer ?? 0)
  }

  /// Fails with what to do when the archive lacks `path`.
  func require(_ path: String, _ remedy: String) throws {
    guard reader.contains(path) else {
      throw ArchiveError(.layout, "\(reader.path): holds no \(path); \(remedy)")
    }
  }

  /// The dataset that was meant by `path`, which is not there; nil when none is near.
  func meant(by path: String) -> String? {
    NameDistance.meant(by: path, among: (try? reader.paths()) ?? [])
  }

  /// What goes into the image.
  func texts(
    _ figure: Figure, arguments: [String] = Array(CommandLine.arguments.dropFirst())
  ) throws -> [(key: String, text: String)] {
    return [
      ("Title", figure.title), ("Description", figure.caption),
      ("Software", "Isotherm \(Provenance.version)"),
      ("Command", (["isotherm-plot"] + arguments).joined(separator: " ")),
      ("Arguments", try Console.encode(arguments)),
      (
        "Source",
        ([self] + beside).map { "\($0.reader.path) run_id=\($0.reader.runID)" }
          .joined(separator: "\n")
      ),
      ("Datasets", try hashes().map { "\($0.path) sha256=\($0.sha256)" }.joined(separator: "\n")),
    ]
  }

  /// Logical hash of every array that was read, computed from its values; those of further archives behind the kind of these.
  func hashes() throws -> [(path: String, sha256: String)] {
    let own = try used.map {
      ($0, reader.isFolder ? "not sealed yet" : try reader.hashOfValues($0))
    }
    return try own
      + beside.flatMap { other in
        try other.hashes().map { ("\(other.reader.kind.rawValue):\($0.path)", $0.sha256) }
      }
  }
}

extension NDArray where Element == Double {
  /// The rows of a two-axis array.
  var rows: [[Double]] { (0..<shape[0]).map { row($0).elements } }
}
