import Arrays
import Foundation
import HDF5

/// Numbers of any HDF5 file, with or without this program's layout.
public struct ForeignArray: Sendable {
  /// Lengths of the axes.
  public let shape: [Int]
  /// Values in C order, unpacked as the CF conventions say; NaN for missing ones.
  public let values: [Double]
  /// Which values are missing: marked so by a CF attribute, or never written; nil when none is.
  public let missing: [Bool]?
  /// What was done to the stored values, in words for people.
  public let notes: [String]

  /// Reads the dataset at `path`; `file` may also name an archive as ``RunPlace`` does.
  /// - Throws: ``HDF5/HDF5Error`` or ``ArchiveError`` for a missing file or dataset, text, values without a source, or more
  ///   than 2³¹ values.
  public static func read(_ file: String, _ path: String) throws -> ForeignArray {
    let isFile = FileManager.default.fileExists(atPath: file) && !file.hasSuffix(".run")
    let dataset = try File.open(isFile ? file : RunPlace(file).readable()).root.dataset(path)
    let shape = try dataset.shape
    guard try dataset.elementType != .utf8 else {
      throw ArchiveError(
        .layout,
        "\(file):\(path) holds text; expected numbers: store classes as whole numbers 0, 1, 2 …")
    }
    let size = shape.reduce((product: 1, isTooLarge: false)) {
      let (product, isTooLarge) = $0.product.multipliedReportingOverflow(by: max($1, 1))
      return (product, $0.isTooLarge || isTooLarge)
    }
    guard !size.isTooLarge, size.product < 1 << 31 else {
      throw ArchiveError(
        .layout, "\(file):\(path) has the shape \(shape), too large to be estimated from at once")
    }
    return try ForeignArray(dataset, shape)
  }

  private init(_ dataset: Dataset, _ shape: [Int]) throws {
    let conventions = try CFConventions(dataset)
    var notes = conventions.notes
    let count = shape.reduce(1, *)
    var values = [Double](repeating: 0, count: count)
    var missing: [Bool]?
    if conventions.needsWholeNumbers {
      var whole = [Int64](repeating: 0, count: count)
      let isSigned = try dataset.elementType == .int64
      try whole.withUnsafeMutableBytes {
        try dataset.readFast(into: $0, as: isSigned ? .int64 : .uint64, start: nil, count: nil)
      }
      values = whole.map { isSigned ? Double($0) : Double(UInt64(bitPattern: $0)) }
      missing = conventions.missing(in: whole)
    } else {
      try values.withUnsafeMutableBytes {
        try dataset.readFast(into: $0, as: .float64, start: nil, count: nil)
      }
    }
    let stored = missing
    let marked = values.withUnsafeMutableBufferPointer { conventions.unpack($0, missing: stored) }
    if marked > 0, missing == nil { missing = values.map(\.isNaN) }
    if marked == 0 { missing = nil }
    let holes = try Self.holes(dataset, shape)
    if holes.contains(true) {
      for index in values.indices where holes[index] { values[index] = .nan }
      missing = missing.map { zip($0, holes).map { $0 || $1 } } ?? holes
      let number = holes.count { $0 }
      notes.append("\(number) of \(count) values were never written and count as missing")
    }
    (self.shape, self.values, self.missing, self.notes) = (shape, values, missing, notes)
  }

  /// Which values lie in chunks that were never written; empty when all were. A declared fill value says nothing else.
  private static func holes(_ dataset: Dataset, _ shape: [Int]) throws -> [Bool] {
    guard try dataset.firstUnwritten() != nil else { return [] }
    let count = shape.reduce(1, *)
    guard let chunk = try dataset.layout?.chunk else {
      throw ArchiveError(
        .layout, "\(dataset.file):\(dataset.path): no value was ever written; expected numbers")
    }
    var holes = [Bool](repeating: false, count: count)
    let strides = shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
    for offset in ChunkGrid(shape: shape, chunk: chunk).offsets {
      let block = zip(offset, zip(chunk, shape)).map { min($1.0, $1.1 - $0) }
      guard try dataset.firstUnwritten(start: offset, count: block) != nil else { continue }
      mark(&holes, offset, block, strides, 0, 0)
    }
    guard holes.contains(false) else {
      throw ArchiveError(
        .layout, "\(dataset.file):\(dataset.path): no value was ever written; expected numbers")
    }
    return holes
  }

  private static func mark(
    _ holes: inout [Bool], _ offset: [Int], _ block: [Int], _ strides: [Int], _ axis: Int,
    _ place: Int
  ) {
    guard axis < offset.count else {
      holes[place] = true
      return
    }
    for index in 0..<block[axis] {
      mark(&holes, offset, block, strides, axis + 1, place + (offset[axis] + index) * strides[axis])
    }
  }
}
