import Foundation
import HDF5

/// A file as the system knows it: two paths are one file when device and inode agree, however they are spelled.
struct FileIdentity: Hashable, Sendable {
  private let device: UInt64
  private let inode: UInt64
  private let mode: UInt32

  /// What lies at `path`, links followed; nil when nothing does.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    mode = UInt32(status.st_mode)
  }

  var isFolder: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
  var isRegular: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }

  /// What it is, for messages.
  var words: String {
    switch mode & UInt32(S_IFMT) {
    case UInt32(S_IFREG): "a file"
    case UInt32(S_IFDIR): "a folder"
    case UInt32(S_IFIFO): "a named pipe"
    case UInt32(S_IFSOCK): "a socket"
    default: "a device"
    }
  }

  /// The folders that `path` lies in, from its own up to the root, links followed; the path itself need not exist.
  static func folders(above path: String) -> [FileIdentity] {
    var found: [FileIdentity] = []
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard realpath(parentFolder(path), &buffer) != nil else { return [] }
    var place = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    while true {
      if let identity = FileIdentity(place) { found.append(identity) }
      guard place.count > 1, let slash = place.lastIndex(of: "/") else { return found }
      place = slash == place.startIndex ? "/" : String(place[..<slash])
    }
  }

  /// Whether something has this name, a dangling link too.
  static func isTaken(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }
}
