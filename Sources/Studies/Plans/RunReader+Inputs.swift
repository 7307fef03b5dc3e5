import Archive
import Foundation

extension RunReader {
  /// Whether the archive was made from those called `names`, as they are now.
  ///
  /// The hashes stored in an input are believed when it was not written to after this archive was; else those of all its values are
  /// computed, once while it stays as it is.
  func isMade(from names: [String]) throws -> Bool {
    let sources = try sources()
    let inputs = try names.map { try RunReader($0) }
    guard Set(inputs.map(\.runID)) == Set(sources.map(\.runID)) else { return false }
    let own = try Self.modified(path)
    for input in inputs {
      let recorded = sources.filter { $0.runID == input.runID }.map(\.sha256)
      let isOlder = try Self.modified(input.path) <= own
      if isOlder, try recorded.contains(input.logicalHash()) { continue }
      let now = try SourceCache.shared.source(input.path) { _ in try input.asSource(using: ["/"]) }
      guard recorded.contains(now.sha256) else { return false }
    }
    return true
  }

  private static func modified(_ path: String) throws -> Date {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return attributes[.modificationDate] as? Date ?? .distantFuture
  }
}
