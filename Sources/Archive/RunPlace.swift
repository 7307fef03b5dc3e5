import Foundation
import HDF5

/// The two names of an archive: the folder while it is written, the file once it is sealed.
public struct RunPlace: Sendable, Hashable {
  /// The name without `.h5` or `.run`.
  public let stem: String

  /// The place that `-o NAME`, `NAME.h5` or `NAME.run` means.
  public init(_ name: String) {
    var stem = name
    while stem.hasSuffix("/") && stem.count > 1 { stem.removeLast() }
    for suffix in [".h5", ".run"] where stem.hasSuffix(suffix) {
      stem.removeLast(suffix.count)
      break
    }
    self.stem = stem
  }

  /// The sealed file.
  public var file: String { stem + ".h5" }
  /// The folder of parts.
  public var folder: String { stem + ".run" }
  /// The file that joins the parts.
  public var index: String { folder + "/index.h5" }

  /// What the run will hold; written before the first part, so that any later process can seal the folder.
  var schemaFile: String { folder + "/schema.json" }

  /// Whether the sealed file is there.
  public var isSealed: Bool { FileManager.default.fileExists(atPath: file) }
  /// Whether a folder of parts is there.
  public var hasFolder: Bool { FileManager.default.fileExists(atPath: folder) }

  /// Throws when an archive is there already, unless `replacing`, which removes it; also when the folder that is to
  /// hold it is missing or not writable.
  public func prepare(replacing: Bool) throws {
    let manager = FileManager.default
    let parent = parentFolder(stem)
    var isFolder: ObjCBool = false
    guard manager.fileExists(atPath: parent, isDirectory: &isFolder), isFolder.boolValue else {
      throw ArchiveError(
        .refused, "cannot write \(file): the folder \(parent) does not exist; make it first")
    }
    guard access(parent, W_OK) == 0 else {
      throw ArchiveError(
        .refused,
        "cannot write \(file): no permission to write in \(parent); choose another place with -o")
    }
    for path in [file, folder] where manager.fileExists(atPath: path) {
      guard replacing else {
        throw ArchiveError(
          .exists, "\(path) exists already; pass --force to replace it, or choose another name")
      }
      // A folder that another process writes is not replaced under its hands.
      let lock = path == folder ? try FolderLock(folder) : nil
      try withExtendedLifetime(lock) { try manager.removeItem(atPath: path) }
    }
  }

  /// The file to open for reading: the sealed file, else the index of a run still being written.
  public func readable() throws -> String {
    let manager = FileManager.default
    for path in [file, index] where manager.fileExists(atPath: path) { return path }
    if manager.fileExists(atPath: stem) { return stem }
    throw ArchiveError(
      .refused, "cannot read \(stem): neither \(file) nor \(folder) exists; check the path")
  }
}
