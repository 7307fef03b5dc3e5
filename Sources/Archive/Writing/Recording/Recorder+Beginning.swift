import Arrays
import Foundation
import HDF5

extension Recorder {
  /// The anchor of a run that goes on from what its commits keep for that, see ``commit(resumeState:)``.
  public static let resumeAnchor = Layout.Parts.resumeState

  /// Makes the folder of parts. See ``RunPlace/prepare(replacing:sources:)`` for what is refused.
  ///
  /// A run that can be resumed names its `anchor`, see ``resume(_:_:anchor:onOtherKernels:limits:onEvent:)``.
  public convenience init(
    _ place: RunPlace, _ schema: RunSchema, replacing: Bool = false, anchor: String? = nil,
    limits: RecorderLimits = RecorderLimits(),
    onEvent: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws {
    try self.init(
      PreparedFolder(new: place, schema, replacing: replacing), anchor: anchor, limits: limits,
      onEvent: onEvent)
  }

  /// Goes on with a run that was interrupted, from the last commit that holds a row of `anchor`.
  ///
  /// Later parts are removed. Fixed arrays that were committed need not be appended again; text arrays do. The
  /// configuration and the sources must be those the run was begun with, and OpenBLAS's kernels too unless `onOtherKernels`; what
  /// else differs (program, processor) is named in the provenance and in ``changes``. Returns nil, leaving nothing behind, when no
  /// such commit was made: then the run begins anew.
  public static func resume(
    _ place: RunPlace, _ schema: RunSchema, anchor: String, onOtherKernels: Bool = false,
    limits: RecorderLimits = RecorderLimits(),
    onEvent: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws -> Recorder? {
    try PreparedFolder(resuming: place, schema, anchor: anchor, onOtherKernels: onOtherKernels)
      .map { try Recorder($0, anchor: anchor, limits: limits, onEvent: onEvent) }
  }

  /// Takes over a folder as it is, with every whole part, to seal it without its producer.
  /// - Throws: ``ArchiveError`` when the folder does not say what it holds, or holds no whole part.
  public static func takeOver(_ place: RunPlace) throws -> Recorder {
    try Recorder(
      PreparedFolder(takingOver: place), anchor: nil, limits: RecorderLimits()
    ) { _ in }
  }

  /// Hashes of the rows that earlier parts hold. Each part says how far they had come; where one does not, rows are read, part by
  /// part.
  static func hashes(of parts: RunParts, _ arrays: [ArraySchema]) throws -> [String: LogicalHash] {
    var hashes = Dictionary(uniqueKeysWithValues: arrays.map { ($0.path, LogicalHash()) })
    var unknown: [ArraySchema] = []
    let files = PartFiles(parts.folder)
    for array in arrays {
      guard let last = parts.items.last(where: { $0.rows[array.path] != nil }) else { continue }
      let rows = parts.items.reduce(0) { $0 + ($1.rows[array.path] ?? 0) }
      let state = try files.hashStates(last.name.file)[array.path]
      guard let hash = state.flatMap({ LogicalHash(state: $0) }) else {
        unknown.append(array)
        continue
      }
      let size = array.rowCount * (array.type.byteCount ?? 0)
      guard hash.byteCount == rows * size else {
        throw ArchiveError(
          .layout,
          "\(parts.folder)/\(last.name.file): was written as the end of \(hash.byteCount / max(size, 1)) rows of \(array.path), and the parts "
            + "here have \(rows): it, or one before it, is of another run or another place; put the right parts back, or remove the "
            + "wrong ones: --resume computes their rows anew")
      }
      hashes[array.path] = hash
    }
    guard !unknown.isEmpty else { return hashes }
    for item in parts.items {
      let root = try files.root(item.name.file)
      for array in unknown {
        guard let count = item.rows[array.path], let hash = hashes[array.path] else { continue }
        try hashRows(root.dataset(array.path), array, count, into: hash)
      }
    }
    return hashes
  }

  private static func hashRows(
    _ dataset: Dataset, _ array: ArraySchema, _ count: Int, into hash: LogicalHash
  ) throws {
    let rowByteCount = array.rowCount * (array.type.byteCount ?? 0)
    let step = max(1, (16 << 20) / max(rowByteCount, 1))
    for row in stride(from: 0, to: count, by: step) {
      let rows = min(step, count - row)
      let rest = array.shape(rows: rows).dropFirst()
      var bytes = [UInt8](repeating: 0, count: rows * rowByteCount)
      try bytes.withUnsafeMutableBytes {
        try dataset.readFast(
          into: $0, as: array.type, start: [row] + rest.map { _ in 0 }, count: [rows] + rest)
      }
      bytes.withUnsafeBytes { hash.update($0) }
    }
  }
}
