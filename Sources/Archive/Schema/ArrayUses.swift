import Foundation

/// Which arrays of an archive were read, and the hashes of their values once they are computed.
final class ArrayUses: @unchecked Sendable {
  private let lock = NSLock()
  private var paths: Set<String> = []
  private var hashes: [String: String] = [:]

  /// Takes note that the values of an array were asked for.
  func note(_ path: String) { lock.withLock { _ = paths.insert(path) } }

  /// Whether they were.
  func contains(_ path: String) -> Bool { lock.withLock { paths.contains(path) } }

  /// The hash of an array's values, computed at most once.
  func hash(_ path: String, _ compute: () throws -> String) rethrows -> String {
    if let known = lock.withLock({ hashes[path] }) { return known }
    let hash = try compute()
    lock.withLock { hashes[path] = hash }
    return hash
  }

  /// All hashes computed so far.
  var computed: [String: String] { lock.withLock { hashes } }
}
