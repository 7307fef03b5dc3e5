import CDeflate
import Foundation

/// Bytes that stay where they are as long as somebody holds them: a file mapped into memory, or an unpacked member of one.
final class ByteSource: @unchecked Sendable {
  /// The file that messages name.
  let path: String
  /// Number of bytes.
  let count: Int
  /// The first byte; nil when there is none.
  let start: UnsafeRawPointer?
  private let release: @Sendable (UnsafeMutableRawPointer) -> Void

  /// Takes over `start`, which `release` gives back.
  init(
    path: String, start: UnsafeMutableRawPointer?, count: Int,
    release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    (self.path, self.count, self.release) = (path, count, release)
    self.start = start.map { UnsafeRawPointer($0) }
  }

  deinit {
    if let start { release(UnsafeMutableRawPointer(mutating: start)) }
  }

  /// All of it.
  var region: Region { Region(source: self, offset: 0, count: count) }

  /// Maps a file. Only pages that are read take memory.
  ///
  /// - Parameter followingLinks: whether `path` itself may be a symbolic link.
  static func map(_ path: String, followingLinks: Bool = true) throws -> ByteSource {
    func refused(_ found: String, _ remedy: String) -> CheckpointError {
      CheckpointError(
        .notReadable, file: path, expected: "a file", found: found, remedy: remedy)
    }
    // Non-blocking: opening a named pipe would wait for a writer for ever.
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followingLinks ? 0 : O_NOFOLLOW)
    let descriptor = open(path, flags)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT, ENOTDIR: throw refused("nothing of that name", "check the path")
      case EACCES: throw refused("no permission to read it", "ask its owner, or chmod +r")
      case ELOOP where !followingLinks:
        throw refused("a symbolic link", "put the file itself there")
      default: throw refused(String(cString: strerror(errno)), "check the path")
      }
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw refused(String(cString: strerror(errno)), "check the path")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "a pipe, socket or device"
      throw refused(kind, "pass a checkpoint file")
    }
    let count = Int(status.st_size)
    if count == 0 { return ByteSource(path: path, start: nil, count: 0) { _ in } }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
    else { throw refused(String(cString: strerror(errno)), "free some memory") }
    return ByteSource(path: path, start: start, count: count) { munmap($0, count) }
  }

  /// Memory of `count` bytes that `fill` writes; `fill` says whether it did.
  static func memory(
    path: String, count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Bool
  ) -> ByteSource? {
    let start = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
    let source = ByteSource(path: path, start: start, count: count) { $0.deallocate() }
    return fill(UnsafeMutableRawBufferPointer(start: start, count: count)) ? source : nil
  }
}

/// Some consecutive bytes of a source. Every access is checked: nothing a file says is believed.
struct Region: Sendable {
  /// Whose bytes they are.
  let source: ByteSource
  /// Where they begin there.
  let offset: Int
  /// How many they are.
  let count: Int

  /// `count` bytes from `start`; nil when they are not all there.
  func slice(_ start: Int, _ count: Int) -> Region? {
    guard start >= 0, count >= 0, start <= self.count, count <= self.count - start else {
      return nil
    }
    return Region(source: source, offset: offset + start, count: count)
  }

  /// Runs `body` with the bytes, which must not be kept.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(source) {
      try body(
        UnsafeRawBufferPointer(start: source.start.map { $0 + offset }, count: count))
    }
  }

  /// The byte at `place`; nil outside.
  func byte(_ place: Int) -> UInt8? {
    guard place >= 0, place < count, let start = source.start else { return nil }
    return start.load(fromByteOffset: offset + place, as: UInt8.self)
  }

  /// The little-endian number at `place`; nil when it does not lie inside.
  func integer<Number: FixedWidthInteger>(_ place: Int, _ type: Number.Type) -> Number? {
    guard place >= 0, place <= count, MemoryLayout<Number>.size <= count - place,
      let start = source.start
    else { return nil }
    return Number(
      littleEndian: start.loadUnaligned(fromByteOffset: offset + place, as: Number.self))
  }

  /// Whether the bytes begin so.
  func starts(with bytes: [UInt8]) -> Bool {
    count >= bytes.count && bytes.indices.allSatisfy { byte($0) == bytes[$0] }
  }

  /// The bytes as UTF-8; nil when they are not.
  var text: String? { withBytes { String(validating: $0, as: UTF8.self) } }

  /// CRC-32 of the bytes.
  var checksum: UInt32 { withBytes { libdeflate_crc32(0, $0.baseAddress, $0.count) } }
}
