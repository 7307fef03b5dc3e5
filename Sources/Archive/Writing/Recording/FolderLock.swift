import Foundation

/// Holds a run's folder for one writer: an advisory lock that the system gives back when the process ends, however
/// it ends.
final class FolderLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock of `folder`.
  /// - Throws: ``ArchiveError`` when another process holds it.
  init(_ folder: String) throws {
    let path = folder + "/.lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw ArchiveError(
        .refused, "cannot write in \(folder): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw ArchiveError(
        .refused,
        "\(folder) is being written by another process; wait until it has ended, or "
          + "choose another name")
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}
