import Arrays
import Foundation
import HDF5

/// A file that is written under another name beside its place, and takes the place, durably, once it is whole. Until then what
/// was there stays; failed or interrupted, nothing is left.
public final class PendingFile {
  /// Where the file goes.
  public let path: String
  /// Where it is written.
  public let temporary: String
  private let unfinished: Unfinished
  private static let names = Names()

  /// A file to be written at ``temporary`` of the folder of `path`; nothing is created yet.
  public init(_ path: String) {
    self.path = path
    let temporary =
      parentFolder(path) + "/.isotherm-\(ProcessInfo.processInfo.processIdentifier)"
      + "-\(Self.names.next()).tmp"
    self.temporary = temporary
    unfinished = Unfinished { unlink(temporary) }
  }

  /// Puts the whole file in its place.
  /// - Throws: ``ArchiveError`` naming the call that failed.
  public func finish() throws {
    try unfinished.done { try DurableFile.replace(path, with: temporary) }
  }

  /// Writes a text, whole.
  /// - Throws: ``ArchiveError`` when it cannot be stored.
  public static func write(_ text: String, to path: String) throws {
    let file = PendingFile(path)
    let output = try OutputFile(file.temporary, standingFor: path)
    try output.write(text)
    try output.close()
    try file.finish()
  }

  deinit {
    unfinished.done()
    unlink(temporary)
  }

  private final class Names: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    func next() -> Int {
      lock.withLock {
        count += 1
        return count
      }
    }
  }
}
