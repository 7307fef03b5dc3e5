import Arrays
import Foundation
import HDF5

/// Reads an archive: the sealed `NAME.h5`, or `NAME.run` while it is still being written.
public final class RunReader: @unchecked Sendable {
  /// The file that was opened.
  public let path: String
  /// Kind of archive.
  public let kind: RunSchema.Kind
  /// Names the archive for ever.
  public let runID: String
  /// One line for people.
  public let title: String
  private let file: File
  let root: Group
  let uses = ArrayUses()
  /// Whether it is the folder of a run that is not sealed.
  public var isFolder: Bool { path.hasSuffix("/index.h5") }

  /// Opens the archive called `name`.
  /// - Throws: ``ArchiveError`` or ``HDF5/HDF5Error`` with what was expected, what was found, and what to do.
  public init(_ name: String, expecting kinds: [RunSchema.Kind] = []) throws {
    path = try RunPlace.readable(name)
    file = try File.open(path)
    root = try file.root
    guard let layout = try root.attribute("isotherm_layout")?.integer else {
      throw ArchiveError(
        .layout,
        "\(path): not an Isotherm archive: the attribute isotherm_layout is missing; "
          + "expected a file that isotherm wrote")
    }
    guard layout == 1 else {
      throw ArchiveError(
        .layout,
        "\(path): layout \(layout) is newer than these programs, which read layout 1; "
          + "use a newer version of Isotherm")
    }
    runID = try root.attribute("run_id")?.text ?? ""
    title = try root.attribute("title")?.text ?? ""
    let word = try root.attribute("kind")?.text ?? ""
    guard let kind = RunSchema.Kind(rawValue: word) else {
      throw ArchiveError(.layout, "\(path): unknown kind of archive «\(word)»")
    }
    self.kind = kind
    guard kinds.isEmpty || kinds.contains(kind) else {
      throw ArchiveError(
        .layout,
        "\(path): expected an archive of kind "
          + "\(kinds.map(\.rawValue).joined(separator: " or ")), found \(kind.rawValue)"
          + (Self.maker(of: kinds, from: kind, name).map { "; \($0)" } ?? ""))
    }
  }

  /// The command that makes what was expected, of `file` where it is what that takes; nil where several do.
  private static func maker(
    of kinds: [RunSchema.Kind], from kind: RunSchema.Kind, _ file: String
  ) -> String? {
    let run = kind == .run ? file : "RUN"
    if kinds == [.information] { return "`isotherm inform \(run) -o NAME` makes it" }
    if kinds == [.fields] { return "`isotherm fit \(run) -o NAME` makes them" }
    guard kinds.contains(.run) else { return nil }
    return kind == .dataset
      ? "`isotherm train STUDY.yaml --set data.file=\(file) -o NAME` makes a run of it"
      : "`isotherm-archive ls --provenance \(file)` names the run that it was made from"
  }

  /// What is known of one stored array without reading its values.
  public struct StoredArray: Sendable {
    /// Absolute path of the dataset.
    public let path: String
    /// Element type.
    public let type: ElementType
    /// Axes by name; `?` for one without a scale.
    public let axes: [Axis]
    /// Unit.
    public let units: String
    /// What the values are.
    public let longName: String
    /// Logical sha256; nil while the run is being written.
    public let sha256: String?
    /// Bytes taken in the file.
    public let storedByteCount: Int
    /// Lengths of a chunk; nil when not chunked.
    public let chunk: [Int]?
    /// Filters of the chunks; nil when not chunked, or when some are not of the standard ones.
    public let filters: ArraySchema.Filters?
    /// Lengths.
    public var shape: [Int] { axes.map(\.length) }
  }

  /// Paths of all datasets that can be read and are not axis labels, depth first; see ``objects(below:)`` for the rest.
  public func paths(below start: String = "/") throws -> [String] {
    try objects(below: start).filter { $0.kind == .array }.map(\.path)
  }

  /// Whether there is an object at `path`.
  public func contains(_ path: String) -> Bool { root.contains(path) }

  /// Names of the groups and datasets directly in `group`.
  public func names(in group: String) throws -> [String] {
    guard root.contains(group) else { return [] }
    return try root.group(group).members().map(\.name)
  }

  /// Shape, type and labels of the dataset at `path`.
  public func describe(_ path: String) throws -> StoredArray {
    let dataset = try root.dataset(path)
    let names = try dataset.axisNames()
    let axes = zip(names, try dataset.shape).map { name, length in
      Axis(
        name ?? (dataset.isScale ? dataset.path.split(separator: "/").last.map(String.init) : nil)
          ?? "?",
        length)
    }
    let layout = try dataset.layout
    return StoredArray(
      path: dataset.path, type: try dataset.elementType, axes: axes,
      units: try dataset.attribute("units")?.text ?? "1",
      longName: try dataset.attribute("long_name")?.text ?? "",
      sha256: try dataset.attribute("logical_sha256")?.text.flatMap { $0.isEmpty ? nil : $0 },
      storedByteCount: dataset.storedByteCount, chunk: layout?.chunk, filters: layout?.filters)
  }

  /// HDF5 fills in zeros, silently, for the rows of a part that is gone: either somebody removed it, or the run went on and
  /// merged it. Asked after reading, so that a part removed in between is noticed.
  func checkSources(_ dataset: Dataset) throws {
    guard isFolder else { return }
    for file in try dataset.sourceFiles where access(parentFolder(path) + "/" + file, R_OK) != 0 {
      throw ArchiveError(
        .layout,
        "\(path):\(dataset.path): the part \(file) is missing; when the run is still going on, open it "
          + "again; else put the file back")
    }
  }

  /// Refuses rows past those that were written, of an array whose producer ended in the middle of it.
  private func checkWritten(_ dataset: Dataset, start: [Int]?, count: [Int]) throws {
    guard let rows = try dataset.attribute("rows_written")?.integer, let first = count.first else {
      return
    }
    let end = (start?.first ?? 0) + first
    guard end > rows, first > 0 else { return }
    throw ArchiveError(
      .layout,
      "\(path):\(dataset.path): only the first \(rows) rows were written, and rows up to \(end) are asked "
        + "for; make the archive again, or go on with --resume")
  }

  /// Paths of arrays that were planned and are not all there, because their producer has not come to them yet or was ended
  /// before: those that are left out, and those of which the first rows are there.
  public func absentArrays() throws -> [String] {
    var found =
      root.contains(Layout.Provenance.absent) ? try readTexts(Layout.Provenance.absent) : []
    for path in try paths() where try attribute(path, "rows_written") != nil { found.append(path) }
    return found
  }

  /// What the CF attributes of an array beside ours make of its values, in words; empty for our own arrays.
  public func conventions(of path: String) throws -> [String] {
    let dataset = try root.dataset(path)
    guard try dataset.attribute("logical_sha256") == nil else { return [] }
    return try CFConventions(dataset).notes
  }

  /// Fills `bytes` with a block of numbers in C order, little endian, as they are stored.
  func read(
    _ array: StoredArray, start: [Int], count: [Int], into bytes: UnsafeMutableRawBufferPointer
  ) throws {
    let dataset = try root.dataset(array.path)
    try checkWritten(dataset, start: start, count: count)
    try dataset.readFast(into: bytes, as: array.type, start: start, count: count)
  }

  /// Values of the dataset at `path`, whole or a block, converted to `Element`.
  public func read<Element: ArrayElement>(
    _ path: String, as type: Element.Type = Element.self, start: [Int]? = nil,
    count: [Int]? = nil
  ) throws -> NDArray<Element> {
    let dataset = try root.dataset(path)
    uses.note(dataset.path)
    let shape = try count ?? dataset.shape
    let size = shape.reduce(1, *)
    try checkWritten(dataset, start: start, count: shape)
    var elements = try [Element](unsafeUninitializedCapacity: size) { buffer, initialized in
      try dataset.readFast(
        into: UnsafeMutableRawBufferPointer(buffer), as: Element.elementType, start: start,
        count: count)
      initialized = size
    }
    // Ours carry no CF packing; arrays that others put beside them may.
    if Element.elementType.isFloatingPoint, try dataset.attribute("logical_sha256") == nil {
      let conventions = try CFConventions(dataset)
      elements.withUnsafeMutableBufferPointer { values in
        if let doubles = values as? UnsafeMutableBufferPointer<Double> {
          conventions.unpack(doubles)
        } else if let floats = values as? UnsafeMutableBufferPointer<Float> {
          conventions.unpack(floats)
        }
      }
    }
    return NDArray(shape: shape, elements: elements)
  }

  /// One position of the first axis: `[n, ...] -> [...]`.
  public func readRow<Element: ArrayElement>(
    _ path: String, _ row: Int, as type: Element.Type = Element.self
  ) throws -> NDArray<Element> {
    let shape = try root.dataset(path).shape
    guard let length = shape.first, row < length else {
      throw ArchiveError(
        .layout,
        "\(self.path):\(path): row \(row) was asked for, the first axis has "
          + "\(shape.first ?? 0)")
    }
    let block = try read(
      path, as: type, start: [row] + shape.dropFirst().map { _ in 0 },
      count: [1] + shape.dropFirst())
    return block.reshaped(Array(shape.dropFirst()))
  }

  /// Strings of the text dataset at `path`.
  public func readTexts(_ path: String) throws -> [String] {
    let dataset = try root.dataset(path)
    uses.note(dataset.path)
    return try dataset.readStrings()
  }

  /// An attribute of the object at `path`.
  public func attribute(_ path: String, _ name: String) throws -> AttributeValue? {
    switch root.kind(path) {
    case .group: try root.group(path).attribute(name)
    default: try root.dataset(path).attribute(name)
    }
  }

  /// The source archives named in the provenance.
  public func sources() throws -> [Provenance.Source] {
    guard root.contains(Layout.Provenance.sourcePath) else { return [] }
    let paths = try readTexts(Layout.Provenance.sourcePath)
    let ids = try readTexts(Layout.Provenance.sourceRunID)
    let hashes = try readTexts(Layout.Provenance.sourceHash)
    return zip(paths, zip(ids, hashes)).map {
      Provenance.Source(path: $0, runID: $1.0, sha256: $1.1)
    }
  }
}
