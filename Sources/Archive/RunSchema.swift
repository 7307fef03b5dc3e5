import Arrays
import Foundation
import HDF5

/// What an archive will hold, decided before its first row: the whole object tree is made from it.
public struct RunSchema: Sendable, Codable {
  /// What kind of archive it is.
  public enum Kind: String, Sendable, Codable {
    /// A training run.
    case run
    /// PDE fields.
    case fields
    /// Information estimates.
    case information
    /// Metrics of an analysis.
    case metrics
    /// A data set.
    case dataset
  }

  /// Kind.
  public var kind: Kind
  /// One line for people.
  public var title: String
  /// Names the archive for ever.
  public var runID: String
  /// Arrays of numbers.
  public var arrays: [ArraySchema]
  /// Group of the array a viewer shows first.
  public var defaultGroup: String?
  /// Where it comes from.
  public var provenance: Provenance
  /// What was done to the file since it was made (CF `history`).
  public var history: String?

  /// A schema with a new random run id.
  public init(
    _ kind: Kind, title: String, arrays: [ArraySchema], defaultGroup: String? = nil,
    provenance: Provenance
  ) {
    (self.kind, self.title, self.arrays) = (kind, title, arrays)
    (self.defaultGroup, self.provenance) = (defaultGroup, provenance)
    runID = UUID().uuidString.lowercased()
  }

  /// Groups in the order of their first array.
  var groups: [(path: String, arrays: [ArraySchema])] {
    var order: [String] = []
    var members: [String: [ArraySchema]] = [:]
    for array in arrays {
      if members[array.group] == nil { order.append(array.group) }
      members[array.group, default: []].append(array)
    }
    return order.map { ($0, members[$0] ?? []) }
  }

  /// The array at `path`; nil when the schema has none.
  public func array(_ path: String) -> ArraySchema? { arrays.first { $0.path == path } }

  /// Traps when two arrays share a path, or two axes of one group share a name but not a length.
  func validate() {
    precondition(Set(arrays.map(\.path)).count == arrays.count, "two arrays share a path")
    for group in groups {
      var lengths: [String: Int?] = [:]
      for axis in group.arrays.flatMap(\.axes) {
        if let known = lengths[axis.name] {
          precondition(known == axis.length, "\(group.path): axis \(axis.name) has two lengths")
        }
        lengths[axis.name] = axis.length
      }
    }
  }
}
