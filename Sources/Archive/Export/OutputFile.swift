import Foundation

/// A file being written in one pass; what was written may be corrected.
final class OutputFile {
  private let handle: FileHandle
  private let path: String
  /// Bytes written.
  private(set) var count = 0

  /// Makes the file `path`, which must not exist; messages name `target`, whose place it will take.
  init(_ path: String, standingFor target: String) throws {
    self.path = target
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw ArchiveError(
        .refused,
        "cannot write \(target): \(String(cString: strerror(errno))); choose another place with -o")
    }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    let data = Data(
      bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count,
      deallocator: .none)
    try attempt { try handle.write(contentsOf: data) }
    count += bytes.count
  }

  func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  func write(_ text: String) throws { try write(Array(text.utf8)) }

  /// Replaces bytes that were written before.
  func patch(_ bytes: [UInt8], at place: Int) throws {
    try attempt {
      try handle.seek(toOffset: UInt64(place))
      try handle.write(contentsOf: Data(bytes))
      try handle.seekToEnd()
    }
  }

  func close() throws { try attempt { try handle.close() } }

  private func attempt(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      throw ArchiveError(
        .system, "cannot write \(path): \(error.localizedDescription); the disk may be full")
    }
  }
}
