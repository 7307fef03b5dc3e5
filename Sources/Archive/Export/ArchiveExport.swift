import Arrays
import Foundation
import HDF5

/// Writes arrays of an archive in the formats of other tools. Memory is bounded whatever their size.
public struct ArchiveExport {
  /// A format.
  public enum Format: String, Sendable, CaseIterable {
    /// Tensors with a JSON header (Hugging Face).
    case safetensors
    /// A zip of NumPy arrays.
    case npz
    /// One table of text.
    case csv
    /// netCDF-4: the archive's own form, with halves widened to float32.
    case netcdf
  }

  /// One array to export: all of it, or one row of its first axis.
  struct Item {
    /// Name in the exported file.
    let name: String
    let dataset: Dataset
    let type: ElementType
    /// The row that is exported; nil for all.
    let row: Int?
    /// Shape of what is exported.
    let shape: [Int]
    let axes: [String]

    var byteCount: Int { shape.reduce(type.byteCount ?? 0, *) }

    /// Hands over the values in C order, little endian, some 16 MiB at a time.
    func forEachBlock(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
      guard let row else { return try dataset.forEachBlock(body) }
      let whole = try dataset.shape
      var bytes = [UInt8](repeating: 0, count: byteCount)
      try bytes.withUnsafeMutableBytes {
        try dataset.readFast(
          into: $0, as: type, start: [row] + whole.dropFirst().map { _ in 0 },
          count: [1] + whole.dropFirst())
      }
      try bytes.withUnsafeBytes(body)
    }
  }

  private let reader: RunReader
  private let selection: [String]
  private let checkpoint: Int?

  /// Exports arrays whose paths match one of `selection`. Without one: of a run, the parameters, by their PyTorch names;
  /// of any other archive, all arrays.
  ///
  /// `checkpoint` picks one row of every array whose first axis counts checkpoints; negative numbers count from the
  /// end.
  public init(_ reader: RunReader, selection: [String], checkpoint: Int?) {
    (self.reader, self.selection, self.checkpoint) = (reader, selection, checkpoint)
  }

  private static let parameters = "/checkpoints/parameters/"

  /// Writes `file`; returns the names of what it holds.
  @discardableResult
  public func write(_ format: Format, to file: String, replacing: Bool) throws -> [String] {
    guard replacing || !FileManager.default.fileExists(atPath: file) else {
      throw ArchiveError(
        .exists, "\(file) exists already; pass --force to replace it, or choose another name")
    }
    try OutputGuard([reader.path]).check(file: file)
    if format == .netcdf { return try writeNetCDF(file) }
    let items = try self.items(texts: format == .csv)
    let pending = PendingFile(file)
    let out = try OutputFile(pending.temporary, standingFor: file)
    switch format {
    case .safetensors: try SafetensorsFile.write(items, metadata: metadata(), to: out)
    case .npz: try NumpyArchive.write(items, to: out)
    case .csv: try CSVTable(items).write(to: out)
    case .netcdf: break
    }
    try out.close()
    try pending.finish()
    return items.map(\.name)
  }

  private func writeNetCDF(_ file: String) throws -> [String] {
    guard checkpoint == nil else {
      throw ArchiveError(
        .refused, "netcdf keeps all checkpoints; leave --checkpoint out, or choose another format")
    }
    var options = ArchiveRewriter.Options()
    (options.selection, options.widening) = (selection, true)
    try ArchiveRewriter([reader], options).write(to: file, replacing: true)
    return try reader.paths().filter { options.includes($0) && !$0.hasPrefix("/provenance/") }
  }

  private func metadata() throws -> [String: String] {
    [
      "format": "pt", "title": reader.title, "run_id": reader.runID, "source": reader.path,
      "logical_sha256": try reader.logicalHash(),
    ]
  }

  private func items(texts: Bool) throws -> [Item] {
    let hasParameters = selection.isEmpty && reader.contains("/checkpoints/parameters")
    var options = ArchiveRewriter.Options()
    options.selection = hasParameters ? [Self.parameters + "*"] : selection
    var items: [Item] = []
    for path in try reader.paths() where options.includes(path) && !path.hasPrefix("/provenance/") {
      let array = try reader.describe(path)
      if array.type == .utf8 && !texts { continue }
      var (row, shape, axes) = (Int?.none, array.shape, array.axes.map(\.name))
      if axes.first == "checkpoint", hasParameters || checkpoint != nil {
        row = try self.row(shape[0], path)
        (shape, axes) = (Array(shape.dropFirst()), Array(axes.dropFirst()))
      }
      let name = path.dropFirst(hasParameters ? Self.parameters.count : 1)
      items.append(
        Item(
          name: String(name), dataset: try reader.root.dataset(path), type: array.type, row: row,
          shape: shape, axes: axes))
    }
    guard !items.isEmpty else {
      throw ArchiveError(
        .refused,
        "\(reader.path): no array of numbers matches \(selection.joined(separator: ", ")); "
          + "`isotherm-archive ls` lists them")
    }
    return items
  }

  private func row(_ count: Int, _ path: String) throws -> Int {
    let wanted = checkpoint ?? -1
    let row = wanted < 0 ? count + wanted : wanted
    guard (0..<count).contains(row) else {
      throw ArchiveError(
        .refused,
        "--checkpoint \(wanted): \(path) has the checkpoints 0 to \(count - 1); last is the last one"
      )
    }
    return row
  }
}
