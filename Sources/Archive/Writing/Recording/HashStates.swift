import Foundation
import HDF5
import Synchronization

/// How far the logical hashes of the arrays have come at the end of a part, by path: a run that goes on later need not read
/// what lies before again.
///
/// They are kept in the part itself. Nothing trusts them: a file that is sealed is read back, and compared with what they came to.
final class HashStates: Sendable {
  private let values = Mutex<[String: [UInt8]]>([:])
  private let isKnown = DispatchSemaphore(value: 0)

  /// Tells them, once.
  func tell(_ states: [String: [UInt8]]) {
    values.withLock { $0 = states }
    isKnown.signal()
  }

  /// Waits until they are told.
  func wait() -> [String: [UInt8]] {
    isKnown.wait()
    isKnown.signal()
    return values.withLock { $0 }
  }

  /// Writes states into a part that is being made.
  static func write(_ states: [String: [UInt8]], to root: Group) throws {
    guard !states.isEmpty else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try PartRecord.write(
      [UInt8](try encoder.encode(states.mapValues(\.hexadecimal))), Layout.Parts.hashStates,
      to: root)
  }

  /// The states that a part holds; empty for one of an earlier version, or one that is damaged there.
  static func read(_ root: Group) -> [String: [UInt8]] {
    guard root.contains(Layout.Parts.hashStates),
      let bytes = try? PartRecord.read(Layout.Parts.hashStates, root),
      let texts = try? JSONDecoder().decode([String: String].self, from: Data(bytes))
    else { return [:] }
    return texts.compactMapValues { [UInt8](hexadecimal: $0) }
  }
}
