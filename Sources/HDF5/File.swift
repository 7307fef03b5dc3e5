import CHDF5
import Foundation

/// The folder a path lies in; `.` for a bare name. Foundation's `deletingLastPathComponent` traps on a path of one
/// character (Swift 6.3.1).
public func parentFolder(_ path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// An open HDF5 file.
///
/// New files are written with the library versions pinned to v108 … v110, so that a reader of ten years ago opens
/// them, and without time stamps in the object headers, so that equal content gives equal bytes.
public final class File: @unchecked Sendable {
  /// The path it was opened with.
  public let path: String
  private let identifier: Identifier

  private init(path: String, identifier: Identifier) {
    self.path = path
    self.identifier = identifier
  }

  /// Creates a file. An existing one is refused unless `replacing`.
  public static func create(_ path: String, replacing: Bool = false) throws -> File {
    try HDF5Library.synchronized {
      let access = try accessList()
      let creation = Identifier(
        try check(H5Pcreate(isotherm_plist_file_create()), "cannot prepare a file"),
        closing: H5Pclose)
      try check(
        H5Pset_link_creation_order(
          creation.value, UInt32(H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)),
        "cannot prepare a file")
      let flags = replacing ? isotherm_access_truncate() : isotherm_access_exclusive()
      let value = H5Fcreate(path, flags, creation.value, access.value)
      guard value >= 0 else { throw refusal(path, HDF5Error.capture(), creating: true) }
      keepFromPrograms(value)
      return File(path: path, identifier: Identifier(value, closing: H5Fclose))
    }
  }

  /// Opens an existing file; for reading only unless `writable`. Waits up to half a second for one that another process has open
  /// for writing.
  ///
  /// `asSource` for a file that a virtual dataset open in this process may refer to: HDF5 opens it with another close
  /// degree, and of two opens with different degrees the second fails; the virtual dataset then shows zeros.
  public static func open(
    _ path: String, writable: Bool = false, asSource: Bool = false
  ) throws -> File {
    try checkKind(path)
    // A program that this process starts holds a copy of every descriptor for a moment, and with it the lock of a file that was
    // just closed here.
    for _ in 0..<25 {
      do {
        return try openNow(path, writable, asSource)
      } catch let error as HDF5Error where error.code == .locked {
        usleep(20_000)
      }
    }
    return try openNow(path, writable, asSource)
  }

  private static func openNow(_ path: String, _ writable: Bool, _ asSource: Bool) throws -> File {
    try HDF5Library.synchronized {
      let access = try accessList(asSource ? H5F_CLOSE_WEAK : H5F_CLOSE_STRONG)
      let flags = writable ? isotherm_access_read_write() : isotherm_access_read_only()
      let value = H5Fopen(path, flags, access.value)
      guard value >= 0 else { throw refusal(path, HDF5Error.capture(), creating: false) }
      keepFromPrograms(value)
      return File(path: path, identifier: Identifier(value, closing: H5Fclose))
    }
  }

  /// A program started meanwhile must not inherit the descriptor: it would hold the library's lock of the file for as long as
  /// it runs.
  private static func keepFromPrograms(_ file: hid_t) {
    guard let descriptor = descriptor(file) else { return }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  private static func descriptor(_ file: hid_t) -> Int32? {
    var handle: UnsafeMutableRawPointer?
    guard H5Fget_vfd_handle(file, isotherm_plist_default(), &handle) >= 0, let handle else {
      return nil
    }
    return handle.loadUnaligned(as: Int32.self)
  }

  /// Lets the system begin to bring to disk what the library has written so far, and does not wait: less is left for fsync.
  /// A file system that cannot do it loses nothing.
  public func beginWritingOut() {
    HDF5Library.synchronized {
      guard let descriptor = Self.descriptor(identifier.value) else { return }
      _ = isotherm_begin_writing_out(descriptor)
    }
  }

  /// Refuses what is no file of bytes: the library would wait for ever for somebody to write into a named pipe.
  private static func checkKind(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    let kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: ""
      case S_IFDIR: "a folder"
      case S_IFIFO: "a named pipe"
      case S_IFSOCK: "a socket"
      default: "a device"
      }
    guard !kind.isEmpty else { return }
    throw HDF5Error(
      .notReadable, "it is \(kind), not an HDF5 file; pass a run archive NAME.h5 or NAME.run",
      file: path)
  }

  /// The group everything lies in.
  public var root: Group {
    get throws { try Group.open(identifier.value, "/", file: path, keeping: identifier) }
  }

  /// Writes everything out and closes; a failure here is a failure to store. Objects still held keep the library's
  /// file open: let them go first.
  public func close() throws { try identifier.close("cannot close", file: path) }

  private static func accessList(
    _ degree: H5F_close_degree_t = H5F_CLOSE_STRONG
  ) throws -> Identifier {
    let list = Identifier(
      try check(H5Pcreate(isotherm_plist_file_access()), "cannot prepare file access"),
      closing: H5Pclose)
    try check(
      H5Pset_libver_bounds(list.value, H5F_LIBVER_V18, H5F_LIBVER_V110), "cannot pin versions")
    try check(H5Pset_fclose_degree(list.value, degree), "cannot prepare file access")
    return list
  }
}
