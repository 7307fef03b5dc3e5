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
  /// What it says of the computation; nil in what earlier versions wrote.
  public var explanation: Explanation?
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

  /// Traps when the schema is impossible.
  func validate() {
    if let problem { preconditionFailure(problem) }
  }

  /// What is impossible in it: two arrays that share a path, two axes of one group that share a name but not a length, an
  /// array without axes, a length that is not positive or too large to be true.
  var problem: String? {
    if Set(arrays.map(\.path)).count != arrays.count { return "two arrays share a path" }
    for array in arrays {
      guard array.path.hasPrefix("/"), !array.name.isEmpty else {
        return "\(array.path) is not the path of an array"
      }
      guard !array.axes.isEmpty else { return "\(array.path) has no axes" }
      if array.axes.dropFirst().contains(where: { $0.length == nil }) {
        return "\(array.path): only the first axis may grow"
      }
      if let lead = array.lead, lead.length != 1 || !array.isStream {
        return "\(array.path): an axis before the rows has length 1"
      }
      var bytes = array.type.byteCount ?? 1
      for length in array.axes.compactMap(\.length) {
        guard (1...1 << 28).contains(length) else {
          return "\(array.path) has an axis of length \(length)"
        }
        let (product, isTooLarge) = bytes.multipliedReportingOverflow(by: length)
        guard !isTooLarge, product <= 1 << 50 else { return "\(array.path) is too large" }
        bytes = product
      }
      if let chunk = array.fixedChunk,
        chunk.count != array.axes.count || !chunk.allSatisfy({ (1...1 << 40).contains($0) })
      {
        return "\(array.path) has impossible chunks"
      }
      if let level = array.filters.deflate, !(0...12).contains(level) {
        return "\(array.path) has the compression level \(level)"
      }
    }
    for group in groups {
      var lengths: [String: Int?] = [:]
      for axis in group.arrays.flatMap(\.axes) {
        if let known = lengths[axis.name], known != axis.length {
          return "\(group.path): axis \(axis.name) has two lengths"
        }
        lengths[axis.name] = .some(axis.length)
      }
    }
    return nil
  }
}
