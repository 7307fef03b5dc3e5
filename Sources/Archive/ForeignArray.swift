import Arrays
import Foundation
import HDF5

/// Reads numbers of any HDF5 file, with or without this program's layout.
public enum ForeignArray {
  /// Shape and values in double precision of the dataset at `path`; `file` may also name an archive as ``RunPlace`` does.
  /// - Throws: ``HDF5/HDF5Error`` or ``ArchiveError`` for a missing file or dataset, text, or more than 2³¹ values.
  public static func read(_ file: String, _ path: String) throws -> (shape: [Int], values: [Double])
  {
    let isFile = FileManager.default.fileExists(atPath: file) && !file.hasSuffix(".run")
    let dataset = try File.open(isFile ? file : RunPlace.readable(file)).root.dataset(path)
    let shape = try dataset.shape
    guard try dataset.elementType != .utf8 else {
      throw ArchiveError(.layout, "\(file):\(path) holds text; expected numbers")
    }
    let size = shape.reduce(1) { $0.multipliedReportingOverflow(by: max($1, 1)).partialValue }
    guard size > 0, size < 1 << 31 else {
      throw ArchiveError(
        .layout, "\(file):\(path) has the shape \(shape), too large to be estimated from at once")
    }
    var values = [Double](repeating: 0, count: shape.reduce(1, *))
    try values.withUnsafeMutableBytes {
      try dataset.readFast(into: $0, as: .float64, start: nil, count: nil)
    }
    return (shape, values)
  }
}
