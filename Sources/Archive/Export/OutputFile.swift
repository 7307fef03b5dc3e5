import Foundation

/// A file being written in one pass; what was written may be corrected.
final class OutputFile {
  private let handle: FileHandle
  private let path: String
  /// Bytes written.
  private(set) var count = 0

  init(_ path: String) throws {
    self.path = path
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forWritingAtPath: path)
    else {
      throw ArchiveError(
        .refused,
        "cannot write \(path): \(String(cString: strerror(errno))); choose another place with -o")
    }
    self.handle = handle
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
