import Arrays
import Foundation

/// Writes whole files: under a temporary name first, to the disk, and only then under their own.
public enum OutputFile {
  /// Writes `bytes` to `path`. A failure leaves what was at `path` as it was, and nothing beside it.
  /// - Throws: ``FigureError`` when the disk is full or the place cannot be written.
  public static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
    // Of this process alone: another one that writes the same figure, or a file of the user's, is not touched.
    let temporary = "\(path).\(getpid()).tmp"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw failure(path, errno) }
    let unfinished = Unfinished { unlink(temporary) }
    var reason = put(bytes, file)
    // Some file systems say only here that there was no room.
    if reason == 0, fsync(file) != 0, errno != EINVAL { reason = errno }
    if close(file) != 0, reason == 0 { reason = errno }
    if reason == 0, unfinished.done(by: { rename(temporary, path) }) != 0 { reason = errno }
    guard reason == 0 else {
      unfinished.done()
      unlink(temporary)
      throw failure(path, reason)
    }
  }

  /// Writes an array of bytes.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    try bytes.withUnsafeBytes { try write($0, to: path) }
  }

  /// Writes a text as UTF-8.
  public static func write(_ text: String, to path: String) throws {
    try write(Array(text.utf8), to: path)
  }

  /// Writes all bytes, or returns why not.
  private static func put(_ bytes: UnsafeRawBufferPointer, _ file: Int32) -> Int32 {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Foundation.write(
        file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return count < 0 ? errno : ENOSPC }
      rest = rest.dropFirst(count)
    }
    return 0
  }

  private static func failure(_ path: String, _ reason: Int32) -> FigureError {
    let isFull = reason == ENOSPC || reason == EDQUOT || reason == EFBIG
    return FigureError(
      message: "cannot write \(path): \(String(cString: strerror(reason))); "
        + (isFull
          ? "free some space, or choose another place with -o" : "choose another place with -o"))
  }
}
