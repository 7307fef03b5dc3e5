import Foundation
import HDF5

/// Steps that outlive a power cut: write under a temporary name, fsync, rename, fsync the folder.
enum DurableFile {
  /// Makes the bytes of `path` durable.
  static func sync(_ path: String) throws {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
  }

  /// Puts the finished file `temporary` in the place of `path`, durably; `lock` is asked whether this process may still do so.
  static func replace(_ path: String, with temporary: String, holding lock: FolderLock? = nil)
    throws
  {
    try sync(temporary)
    try lock?.check()
    guard rename(temporary, path) == 0 else { throw failure("rename", path) }
    try sync(parentFolder(path))
  }

  private static func failure(_ call: String, _ path: String) -> ArchiveError {
    ArchiveError(
      .system,
      "\(path): \(call) failed: \(String(cString: strerror(errno))); "
        + "what was acknowledged before is safe")
  }
}
