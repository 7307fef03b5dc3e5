import CHDF5
import Foundation

/// The one lock of the library, and what must be set once before anything is opened.
///
/// The Debian build is not thread-safe, and even the thread-safe build serialises every call, so all calls go
/// through here. The lock is reentrant: a closure may call the wrapper again.
enum HDF5Library {
  private static let lock = NSRecursiveLock()

  /// «H5dont_atexit … must be called before any other HDF5 function» (HDF5 Reference Manual). Without it the library
  /// closes what a full disk has left unwritable once more at exit, and crashes there.
  private static let prepared: Bool = isotherm_prepare() >= 0

  /// Runs `body` with the lock held.
  static func synchronized<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    _ = prepared
    // The library prints every failure unless told not to, thread by thread; the stack goes into an HDF5Error.
    H5Eset_auto2(isotherm_estack_default(), nil, nil)
    return try body()
  }
}

/// Version of the HDF5 library in use, for example `1.10.8`.
public func hdf5Version() -> String {
  HDF5Library.synchronized {
    var (major, minor, release) = (UInt32(0), UInt32(0), UInt32(0))
    H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }
}

/// Gives back memory that the library keeps for objects it may make again, and what the allocator keeps of it. Virtual
/// datasets of many sources leave megabytes of such memory with each file.
public func releaseHDF5Memory() {
  HDF5Library.synchronized { isotherm_release_memory() }
}
