import Archive
import Arrays
import Console
import Figures
import Foundation

/// The archive behind a figure, and which of its arrays were read.
final class FigureSource {
  let reader: RunReader
  private(set) var used: [String] = []

  init(_ path: String, expecting kinds: [RunSchema.Kind]) throws {
    reader = try RunReader(path, expecting: kinds)
  }

  /// Reads an array as doubles, and remembers that the figure shows it.
  func numbers(_ path: String) throws -> NDArray<Double> {
    note(path)
    return try reader.read(path)
  }

  /// Reads one position of the first axis as doubles.
  func row(_ path: String, _ index: Int) throws -> NDArray<Double> {
    note(path)
    return try reader.readRow(path, index)
  }

  /// Reads a part of an array as doubles.
  func part(_ path: String, start: [Int], count: [Int]) throws -> NDArray<Double> {
    note(path)
    return try reader.read(path, start: start, count: count)
  }

  /// The last two axes of an array from `start`, averaged over blocks while they are read, so that at most `limit` rows and columns
  /// are held; blocks without a number are NaN.
  func averaged(
    _ path: String, start: [Int], rows: Int, columns: Int, limit: Int
  ) throws -> (values: [Double], rows: Int, columns: Int) {
    note(path)
    let (down, across) = ((rows + limit - 1) / limit, (columns + limit - 1) / limit)
    let (newRows, newColumns) = ((rows + down - 1) / down, (columns + across - 1) / across)
    var out = [Double](repeating: .nan, count: newRows * newColumns)
    // Whole blocks of rows, about 16 MB at a time.
    let step = max(1, (4 << 20) / max(columns, 1) / down) * down
    for first in stride(from: 0, to: rows, by: step) {
      let count = min(step, rows - first)
      let values: NDArray<Float> = try reader.read(
        path, start: start + [first, 0], count: start.map { _ in 1 } + [count, columns])
      values.elements.withUnsafeBufferPointer { values in
        for block in stride(from: 0, to: count, by: down) {
          var sums = [Double](repeating: 0, count: newColumns)
          var counts = [Double](repeating: 0, count: newColumns)
          for row in block..<min(block + down, count) {
            for column in 0..<columns {
              let value = values[row * columns + column]
              guard value.isFinite else { continue }
              sums[column / across] += Double(value)
              counts[column / across] += 1
            }
          }
          let target = (first + block) / down * newColumns
          for column in 0..<newColumns where counts[column] > 0 {
            out[target + column] = sums[column] / counts[column]
          }
        }
      }
    }
    return (out, newRows, newColumns)
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
      let count = min(step, length - first)
      let values: NDArray<Double> = try reader.read(
        path, start: start + [first], count: start.map { _ in 1 } + [count])
      for bucket in stride(from: 0, to: count, by: width) {
        var (low, high) = (Double.infinity, -Double.infinity)
        for i in bucket..<min(bucket + width, count) where values.elements[i].isFinite {
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

  /// What goes into the image.
  func texts(
    _ figure: Figure, arguments: [String] = Array(CommandLine.arguments.dropFirst())
  ) throws -> [(key: String, text: String)] {
    return [
      ("Title", figure.title), ("Description", figure.caption),
      ("Software", "Isotherm \(Provenance.version)"),
      ("Command", (["isotherm-plot"] + arguments).joined(separator: " ")),
      ("Arguments", try Console.encode(arguments)),
      ("Source", "\(reader.path) run_id=\(reader.runID)"),
      ("Datasets", try hashes().map { "\($0.path) sha256=\($0.sha256)" }.joined(separator: "\n")),
    ]
  }

  /// Logical hash of every array that was read, computed from its values.
  func hashes() throws -> [(path: String, sha256: String)] {
    try used.map { ($0, reader.isFolder ? "not sealed yet" : try reader.hashOfValues($0)) }
  }
}

extension NDArray where Element == Double {
  /// The rows of a two-axis array.
  var rows: [[Double]] { (0..<shape[0]).map { row($0).elements } }
}
