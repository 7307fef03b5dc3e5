import Arrays
import HDF5

/// Rows of an array of any HDF5 file, read block by block. As with ``ForeignArray`` the CF conventions are followed; but where rows
/// go through a computation nothing may be missing, so that missing values are refused.
public struct ForeignRows {
  /// Lengths of the axes.
  public let shape: [Int]
  /// Whether whole numbers are stored.
  public let isWhole: Bool
  private let dataset: Dataset
  private let conventions: CFConventions

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
    conventions = try CFConventions(dataset)
  }

  /// Values of some rows, positions of the first axis, in C order, unpacked.
  /// - Throws: ``ArchiveError`` for values that are missing or were never written.
  public func read(_ rows: Range<Int>) throws -> [Float] {
    guard !conventions.isEmpty else { return try stored(rows) }
    return try unpacked(rows).map { Float($0) }
  }

  /// The same as whole numbers.
  /// - Throws: ``ArchiveError`` also for values that are none once they are unpacked, or beyond 64 bits.
  public func readWhole(_ rows: Range<Int>) throws -> [Int64] {
    guard !conventions.isEmpty else { return try stored(rows) }
    return try unpacked(rows).map { value in
      guard let whole = Int64(exactly: value) else {
        throw refusal("unpacked it holds \(value)", "store whole numbers, without scale_factor")
      }
      return whole
    }
  }

  private func unpacked(_ rows: Range<Int>) throws -> [Double] {
    var (values, missing): ([Double], [Bool]?)
    if conventions.needsWholeNumbers {
      let whole: [Int64] = try stored(rows)
      (values, missing) = (whole.map { Double($0) }, conventions.missing(in: whole))
    } else {
      (values, missing) = (try stored(rows), nil)
    }
    let count = values.withUnsafeMutableBufferPointer { conventions.unpack($0, missing: missing) }
    guard count == 0 else {
      throw refusal(
        "\(count) values of the rows \(rows) are missing (\(conventions.notes.joined(separator: "; ")))",
        "leave those rows out, or fill them")
    }
    return values
  }

  private func refusal(_ what: String, _ remedy: String) -> ArchiveError {
    ArchiveError(.layout, "\(dataset.file):\(dataset.path): \(what); \(remedy)")
  }

  private func stored<Element: ArrayElement>(_ rows: Range<Int>) throws -> [Element] {
    let rest = shape.dropFirst()
    let (start, count) = ([rows.lowerBound] + rest.map { _ in 0 }, [rows.count] + rest)
    if let place = try dataset.firstUnwritten(start: start, count: count) {
      throw refusal(
        "the values from \(place) on were never written", "leave those rows out, or write them")
    }
    let size = count.reduce(1, *)
    return try [Element](unsafeUninitializedCapacity: size) { buffer, initialized in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      try dataset.readFast(
        into: UnsafeMutableRawBufferPointer(
          rebasing: bytes[..<(size * MemoryLayout<Element>.stride)]), as: Element.elementType,
        start: start, count: count)
      initialized = size
    }
  }
}
