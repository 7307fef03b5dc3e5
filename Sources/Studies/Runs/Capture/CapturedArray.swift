import Archive
import Checkpoints
import Console
import Foundation

/// An array of numbers that somebody made elsewhere: of an HDF5 file, `FILE:/array`, or of NumPy, `FILE.npz:name`. Rows are read when
/// they are asked for.
struct CapturedArray {
  /// The text that names it.
  let name: String
  /// The file.
  let file: String
  /// Lengths of the axes.
  let shape: [Int]
  /// Whether it holds whole numbers.
  let isWhole: Bool
  /// Its path in an HDF5 file; nil in one of NumPy.
  private let path: String?
  private let floats: (Range<Int>) throws -> [Float]
  private let integers: (Range<Int>) throws -> [Int32]

  /// Opens the array that `name` names.
  /// - Throws: `UsageError` for a text of neither form, and what opening throws.
  init(_ name: String, option: String) throws {
    self.name = name
    if let colon = name.range(of: ":/", options: .backwards), colon.lowerBound > name.startIndex {
      file = String(name[..<colon.lowerBound])
      let path = "/" + name[colon.upperBound...]
      self.path = path
      let rows = try ForeignRows(file, path)
      (shape, isWhole) = (rows.shape, rows.isWhole)
      floats = { try rows.read($0) }
      integers = { range in
        try rows.readWhole(range).map { value in
          guard let narrow = Int32(exactly: value) else {
            throw UsageError("\(option) \(name): holds the number \(value), beyond 32 bits")
          }
          return narrow
        }
      }
      return
    }
    guard let colon = name.lastIndex(of: ":"), colon > name.startIndex else {
      throw UsageError(
        "\(option) \(name): expected FILE:/array of an HDF5 file, or FILE.npz:name")
    }
    (file, path) = (String(name[..<colon]), nil)
    let tensors = try Checkpoint.open(file)
    let info = try tensors.tensor(String(name[name.index(after: colon)...]))
    shape = info.shape
    switch info.type {
    case .number(let type): isWhole = !type.isFloatingPoint
    default: isWhole = true
    }
    floats = { try tensors.floats(info.name, rows: $0).elements }
    integers = {
      // Exact up to 2^24, far beyond any vocabulary.
      try tensors.floats(info.name, rows: $0).elements.map {
        Int32(max(-2_147_483_648, min(Double($0), 2_147_483_647)))
      }
    }
  }

  /// Refuses an array of another rank.
  func require(_ axes: [String], option: String, isWhole needsWhole: Bool) throws {
    guard shape.count == axes.count, !shape.contains(0), isWhole || !needsWhole else {
      throw UsageError(
        "\(option) \(name): expected \(needsWhole ? "whole numbers" : "numbers") "
          + "[\(axes.joined(separator: ", "))], found \(isWhole ? "whole" : "floating-point") numbers of "
          + "the shape \(shape)")
    }
  }

  /// Values of some rows in C order.
  func read(_ rows: Range<Int>) throws -> [Float] { try floats(rows) }

  /// Whole numbers of some rows in C order.
  func readWhole(_ rows: Range<Int>) throws -> [Int32] { try integers(rows) }

  /// Ranges of rows of about a million values.
  func blocks(of rows: Range<Int>) -> [Range<Int>] {
    let step = max(1, (1 << 20) / max(shape.dropFirst().reduce(1, *), 1))
    return stride(from: rows.lowerBound, to: rows.upperBound, by: step).map {
      $0..<min($0 + step, rows.upperBound)
    }
  }

  /// The files of some arrays as sources, each once.
  static func sources(_ arrays: [CapturedArray]) throws -> [Provenance.Source] {
    var files: [String] = []
    for array in arrays where !files.contains(array.file) { files.append(array.file) }
    return try files.map { file in
      try source(file, arrays.filter { $0.file == file }.compactMap(\.path))
    }
  }

  /// A file as a source: an archive by its logical hash, in which what is read is hashed as it is, any other by its bytes.
  private static func source(_ file: String, _ paths: [String]) throws -> Provenance.Source {
    if let reader = try? RunReader(file) { return try reader.asSource(using: paths) }
    return Provenance.Source(
      path: file, runID: "", sha256: try LogicalHash.sha256(ofFile: file), noun: "data")
  }
}
