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

  private static let parameters = Layout.Checkpoints.parameter("")

  /// Writes `file`, and reads it back before it gets its name.
  /// - Throws: ``ArchiveError`` when nothing can be exported, the file is in the way, or is not what was written.
  @discardableResult
  public func write(_ format: Format, to file: String, replacing: Bool) throws -> Outcome {
    guard replacing || !FileManager.default.fileExists(atPath: file) else {
      throw ArchiveError(
        .exists, "\(file) exists already; pass --force to replace it, or choose another name")
    }
    try OutputGuard([reader.path]).check(file: file)
    if format == .netcdf { return try writeNetCDF(file) }
    let (items, leftOut) = try self.items(texts: format == .csv)
    let pending = PendingFile(file)
    let out = try OutputFile(pending.temporary, standingFor: file)
    let regions: [Region]
    switch format {
    case .safetensors:
      regions = try SafetensorsFile.write(items, metadata: metadata(), to: out)
    case .npz: regions = try NumpyArchive.write(items, to: out)
    case .csv, .netcdf: regions = [try CSVTable(items).write(to: out)]
    }
    try out.close()
    try Self.readBack(pending.temporary, regions, standingFor: file)
    try pending.finish()
    return Outcome(
      arrays: items.map(\.name), leftOut: leftOut, notes: regions.compactMap(\.note))
  }

  /// Compares what lies in the file with what was written.
  private static func readBack(
    _ path: String, _ regions: [Region], standingFor target: String
  ) throws {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw ArchiveError(.system, "\(target): cannot be read back; try again, on another disk")
    }
    defer { try? handle.close() }
    for region in regions {
      try handle.seek(toOffset: UInt64(region.start))
      let hash = LogicalHash()
      var rest = region.count
      while rest > 0, let data = try handle.read(upToCount: min(rest, 4 << 20)), !data.isEmpty {
        data.withUnsafeBytes { hash.update($0) }
        rest -= data.count
      }
      guard rest == 0, hash.value(.uint8, shape: [region.count]) == region.hash else {
        throw ArchiveError(
          .system,
          "\(target): \(region.name) is not what was written; nothing was kept; try again, on another disk "
            + "if it happens again")
      }
    }
  }

  private func writeNetCDF(_ file: String) throws -> Outcome {
    guard checkpoint == nil else {
      throw ArchiveError(
        .refused, "netcdf keeps all checkpoints; leave --checkpoint out, or choose another format")
    }
    var options = ArchiveRewriter.Options()
    (options.selection, options.widening) = (selection, true)
    let rewriter = try ArchiveRewriter([reader], options)
    var notes = try rewriter.write(to: file, replacing: true)
    notes += rewriter.foreignPaths.map {
      "\($0) is carried along as it is; netCDF has no such type, or no such name"
    }
    return Outcome(arrays: rewriter.arrayPaths, notes: notes)
  }

  private func metadata() throws -> [String: String] {
    [
      "format": "pt", "title": reader.title, "run_id": reader.runID, "source": reader.path,
      "logical_sha256": try reader.logicalHash(),
    ]
  }

  private func items(
    texts: Bool
  ) throws -> (items: [Item], leftOut: [(path: String, reason: String)]) {
    let hasParameters = selection.isEmpty && reader.contains(Layout.Checkpoints.parameters)
    var options = ArchiveRewriter.Options()
    options.selection = hasParameters ? [Self.parameters + "*"] : selection
    var items: [Item] = []
    var leftOut: [(path: String, reason: String)] = []
    for object in try reader.objects() {
      let path = object.path
      guard options.includes(path), !path.isAboutArchive else { continue }
      switch object.kind {
      case .array: break
      case .scale: continue
      case .foreign, .link:
        leftOut.append((path, object.what))
        continue
      case .unreadable:
        throw ArchiveError(
          .layout,
          "\(reader.path):\(path): cannot be read: \(object.what); choose the others with --select")
      }
      let array = try reader.describe(path)
      if array.type == .utf8 && !texts {
        leftOut.append((path, "text; this format holds numbers, csv holds text"))
        continue
      }
      items.append(try item(array, picking: hasParameters || checkpoint != nil, hasParameters))
    }
    guard !items.isEmpty else {
      throw ArchiveError(
        .refused,
        "\(reader.path): no array of numbers matches \(selection.joined(separator: ", ")); "
          + (leftOut.first.map { "\($0.path) is \($0.reason); " } ?? "")
          + "`isotherm-archive ls` lists them")
    }
    try Self.checkNames(items)
    return (items, leftOut)
  }

  private func item(
    _ array: RunReader.StoredArray, picking: Bool, _ hasParameters: Bool
  ) throws -> Item {
    var (row, shape, axes) = (Int?.none, array.shape, array.axes.map(\.name))
    if axes.first == "checkpoint", picking {
      row = try self.row(shape[0], array.path)
      (shape, axes) = (Array(shape.dropFirst()), Array(axes.dropFirst()))
    }
    let name = array.path.utf8.dropFirst(hasParameters ? Self.parameters.utf8.count : 1)
    return Item(
      name: String(Substring(name)), path: array.path, reader: reader,
      dataset: try reader.root.dataset(array.path), type: array.type, row: row, shape: shape,
      axes: axes, claim: array.sha256)
  }

  /// Two arrays of one name would be one to who reads the file.
  private static func checkNames(_ items: [Item]) throws {
    var known: Set<[UInt8]> = []
    for item in items {
      guard known.insert(Array(item.name.utf8)).inserted else {
        throw ArchiveError(
          .refused, "\(item.path): two arrays would be called \(item.name); choose with --select")
      }
      guard item.name.utf8.count < 1 << 15, item.name != "__metadata__" else {
        throw ArchiveError(
          .refused,
          "\(item.path): its name is too long or reserved in this format; leave it out with --select"
        )
      }
    }
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
