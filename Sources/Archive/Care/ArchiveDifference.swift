import Arrays
import Foundation
import HDF5

/// How two archives differ: provenance, arrays, values, attributes, axes.
///
/// Values are read and compared in their own type; hashes that are stored beside them are not believed. Chunks, filters and
/// byte order do not count.
public struct ArchiveDifference: Encodable, Sendable {
  /// One object or attribute.
  public struct Item: Encodable, Sendable {
    /// How the two sides compare.
    public enum Verdict: String, Encodable, Sendable {
      /// The same bits.
      case equal
      /// Every value within the tolerance.
      case close
      /// Other values, or another type or shape.
      case different
      /// Only the first archive has it.
      case onlyFirst = "only in the first"
      /// Only the second archive has it.
      case onlySecond = "only in the second"
      /// One side cannot be read, or is of a type that cannot be compared.
      case notCompared = "not compared"
    }

    /// Path; `PATH@NAME` for an attribute.
    public var path: String
    /// Comparison.
    public var verdict: Verdict
    /// Largest absolute difference of a value, where there is one.
    public var largest: Double?
    /// Where it is, an index an axis.
    public var place: [Int]?
    /// What differs, in words.
    public var detail: String
  }

  /// All items, provenance first: every object, and attributes and groups where they differ.
  public let items: [Item]

  /// Whether all objects are equal or close. Provenance, explanation, wall-clock seconds, and what an archive says of its own making do
  /// not count: two runs of one computation differ there.
  public var agrees: Bool {
    items.allSatisfy {
      $0.path.isAboutArchive || Self.ownMaking.contains($0.path)
        || wallClock.contains($0.path) || $0.verdict == .equal || $0.verdict == .close
    }
  }

  /// Items that tell of wall-clock time.
  private let wallClock: Set<String>

  private static let ownMaking: Set<String> = ["/@run_id", "/@history"]

  /// Compares two archives; values within `tolerance` (absolute) of each other are close.
  public init(_ first: RunReader, _ second: RunReader, tolerance: Double) throws {
    var comparison = ObjectComparison(first, second, tolerance)
    var items = try comparison.run()
    wallClock = Set(
      items.map(\.path).filter { path in
        let array = String(path.prefix { $0 != "@" })
        return first.isWallClock(array) || second.isWallClock(array)
      })
    items.sort {
      let (a, b) = (
        Layout.Provenance.contains($0.path) ? 0 : 1, Layout.Provenance.contains($1.path) ? 0 : 1
      )
      return a != b ? a < b : $0.path.utf8.lexicographicallyPrecedes($1.path.utf8)
    }
    self.items = items
  }
}
