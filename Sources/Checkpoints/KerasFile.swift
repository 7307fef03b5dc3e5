import Arrays
import Foundation
import HDF5

/// Weights that Keras stores in HDF5: `.weights.h5` of version 3, older `.h5` files, and the weights within a `.keras` archive.
/// A tensor's name is its path in the file, `layers/dense/vars/0`. Kernels are `[in, out]`.
///
/// Configurations are never evaluated. Refused: links that leave the file, values in other files, shapes that promise more than
/// the file can hold.
final class KerasFile: TensorFile {
  let path: String
  let format: CheckpointFormat
  private let file: File
  private let index: TensorIndex
  /// A copy that goes with this object; nil for a file of the user's.
  private let copy: TemporaryCopy?

  /// Opens an HDF5 file; with `copy` the one that was taken out of the archive `path`.
  init(_ path: String, format: CheckpointFormat = .kerasWeights, copy: TemporaryCopy? = nil) throws
  {
    (self.path, self.format, self.copy) = (path, format, copy)
    let place = copy?.path ?? path
    let file = try Self.translated(path) { try File.open(place) }
    var walk = HDF5Walk(path: path, fileByteCount: try ByteSource.map(place).count)
    try Self.translated(path) { try walk.visit(file.root, "", 0) }
    (self.file, index) = (file, walk.index)
  }

  var tensors: [TensorInfo] { index.tensors }

  func info(_ name: String) -> TensorInfo? { index.place(name).map { index.tensors[$0] } }

  func read(_ name: String, rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    let (info, rows) = try checked(name, rows)
    guard case .number(let type) = info.type, target.count == rows.count * (info.rowByteCount ?? 0)
    else {
      throw CheckpointError(
        .mismatch, file: path, tensor: name,
        expected: "room for \(rows.count * (info.rowByteCount ?? 0)) bytes",
        found: "\(target.count)", remedy: "give as much memory as the rows take")
    }
    try Self.translated(path, name) {
      let dataset = try file.root.dataset("/" + name)
      guard !info.shape.isEmpty else { return try dataset.read(into: target, as: type) }
      let start = [rows.lowerBound] + info.shape.dropFirst().map { _ in 0 }
      try dataset.read(
        into: target, as: type, start: start,
        count: [rows.count] + Array(info.shape.dropFirst()))
    }
  }

  /// The library's errors in our words.
  private static func translated<Result>(
    _ path: String, _ tensor: String? = nil, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as HDF5Error {
      let isMissing = error.code == .missingFile || error.code == .refused
      throw CheckpointError(
        isMissing ? .notReadable : .damaged, file: path, tensor: tensor ?? error.path,
        expected: "a readable HDF5 file", found: CheckpointError.shown(error.message, limit: 400),
        remedy: isMissing ? "check the path" : "fetch or copy the file again")
    }
  }

  // MARK: - Archives

  /// The weights of a `.keras` archive, copied to a temporary file that goes with the object: HDF5 reads files only.
  static func openArchive(_ archive: ZipArchive, _ weights: ZipArchive.Member) throws -> KerasFile {
    let copy = try TemporaryCopy(try archive.bytes(weights), of: archive.path)
    return try KerasFile(archive.path, format: .keras, copy: copy)
  }
}

/// A file that goes when nobody holds it any more, or the process is asked to end.
final class TemporaryCopy: Sendable {
  let path: String
  private let cleanup: Unfinished

  init(_ bytes: Region, of original: String) throws {
    let place = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString + ".h5"
    path = place
    cleanup = Unfinished { unlink(place) }
    func refused() -> CheckpointError {
      CheckpointError(
        .notReadable, file: original,
        expected: "\(bytes.count) bytes of room for a copy of its weights",
        found: "\(String(cString: strerror(errno))) in \(NSTemporaryDirectory())",
        remedy: "set TMPDIR to a folder with room")
    }
    let descriptor = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw refused() }
    defer { close(descriptor) }
    var done = 0
    while done < bytes.count {
      let written = bytes.withBytes {
        write(descriptor, $0.baseAddress.map { $0 + done }, min(bytes.count - done, 16 << 20))
      }
      guard written > 0 else {
        unlink(place)
        throw refused()
      }
      done += written
    }
  }

  deinit {
    unlink(path)
    cleanup.done()
  }
}

/// Collects the datasets of an HDF5 file, each at one path.
private struct HDF5Walk {
  let path: String
  let fileByteCount: Int
  private(set) var index = TensorIndex()
  private var visited: Set<ObjectAddress> = []

  init(path: String, fileByteCount: Int) {
    (self.path, self.fileByteCount) = (path, fileByteCount)
  }

  mutating func visit(_ group: Group, _ prefix: String, _ depth: Int) throws {
    guard depth < 64, visited.count < Limits.tensors, visited.insert(try group.address).inserted
    else {
      throw CheckpointError(
        .forbidden, file: path, tensor: prefix, expected: "a tree of groups, at most 64 deep",
        found: "a group that is reached twice, or too many", remedy: "save the weights again")
    }
    for link in try group.links() {
      guard let name = link.name.text, !name.contains("/") else {
        throw CheckpointError.damaged(path, expected: "names in UTF-8", found: link.name.shown)
      }
      let place = prefix.isEmpty ? name : prefix + "/" + name
      switch link.target {
      case .object(.group, _): try visit(try group.group(link.name), place, depth + 1)
      case .object(.dataset, _): try add(try group.dataset(link.name), place)
      case .object(.other, _): break
      case .external(let file, _):
        throw CheckpointError(
          .forbidden, file: path, tensor: place, expected: "weights in the file itself",
          found: "a link to \(CheckpointError.shown(file.shown))",
          remedy: "copy the weights into one file (h5copy), if you trust their origin")
      case .soft:
        throw CheckpointError(
          .forbidden, file: path, tensor: place, expected: "weights, each under one name",
          found: "a soft link", remedy: "save the weights again")
      case .unknown(let what):
        throw CheckpointError.damaged(path, tensor: place, expected: "an object", found: what)
      }
    }
  }

  private mutating func add(_ dataset: Dataset, _ name: String) throws {
    guard try dataset.isSelfContained else {
      throw CheckpointError(
        .forbidden, file: path, tensor: name, expected: "values in the file itself",
        found: "values in other files (external or virtual)",
        remedy: "copy them into one file (h5repack), if you trust their origin")
    }
    guard try !dataset.isNull else {
      return try index.add(unreadable(name, [0], "a dataset without a space"), path: path)
    }
    let shape = try dataset.shape
    // What is no number is listed, so that it is missed by nobody, and refused where it is asked for.
    guard let type = try? dataset.elementType, type != .utf8 else {
      let isText = (try? dataset.elementType) == .utf8
      let what = isText ? "text" : try "\(dataset.storedType)"
      return try index.add(unreadable(name, shape, what), path: path)
    }
    guard let info = TensorInfo(name: name, shape: shape, type: .number(type)),
      let bytes = info.byteCount, bytes <= fileByteCount + Limits.unpackedExcess
    else {
      throw CheckpointError.damaged(
        path, tensor: name, expected: "a shape that a file of \(fileByteCount) bytes can hold",
        found: "\(shape) of \(type)")
    }
    try index.add(info, path: path)
  }

  private func unreadable(_ name: String, _ shape: [Int], _ what: String) throws -> TensorInfo {
    guard let info = TensorInfo(name: name, shape: shape, type: .unreadable(what)) else {
      throw CheckpointError.damaged(
        path, tensor: name, expected: "a shape that can be counted", found: "\(shape)")
    }
    return info
  }
}
