import Arrays
import HDF5

/// Rows of an array of any HDF5 file, read block by block.
public struct ForeignRows {
  /// Lengths of the axes.
  public let shape: [Int]
  /// Whether it holds whole numbers.
  public let isWhole: Bool
  private let dataset: Dataset

  /// Opens the dataset at `path`; `file` may also name an archive as ``RunPlace`` does.
  /// - Throws: ``HDF5/HDF5Error`` or ``ArchiveError`` for a missing file or dataset, or text.
  public init(_ file: String, _ path: String) throws {
    let isFile = FileIdentity(file)?.isRegular == true
    dataset = try File.open(isFile ? file : RunPlace(file).readable()).root.dataset(path)
    shape = try dataset.shape
    let type = try dataset.elementType
    guard type != .utf8 else {
      throw ArchiveError(.layout, "\(file):\(path) holds text; expected numbers")
    }
    isWhole = !type.isFloatingPoint
  }

  /// Values of some rows, positions of the first axis, in C order.
  public func read<Element: ArrayElement>(
    _ rows: Range<Int>, as type: Element.Type = Element.self
  ) throws -> [Element] {
    let rest = shape.dropFirst()
    let size = rest.reduce(rows.count, *)
    return try [Element](unsafeUninitializedCapacity: size) { buffer, initialized in
      try dataset.readFast(
        into: UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[
            ..<(size * MemoryLayout<Element>.stride)]), as: Element.elementType,
        start: [rows.lowerBound] + rest.map { _ in 0 }, count: [rows.count] + rest)
      initialized = size
    }
  }
}
