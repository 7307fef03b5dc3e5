import Foundation
import HDF5

/// One thing an archive holds beside its groups, seen without reading values.
public struct StoredObject: Sendable, Hashable {
  /// What a reader can do with it.
  public enum Kind: String, Sendable, Hashable {
    /// Its values can be read as numbers or text.
    case array
    /// It only labels an axis of others.
    case scale
    /// It is carried along, but its values cannot be shown: a type, a name or a place that no array of ours has.
    case foreign
    /// It is another name of something, or leads out of the file or nowhere.
    case link
    /// It cannot be read: the file is damaged there.
    case unreadable
  }

  /// Path; bytes that are not UTF-8 are written `\xE9`.
  public let path: String
  /// What a reader can do with it.
  public let kind: Kind
  /// What it is, in words; empty for arrays and scales.
  public let what: String

  /// A thing at `path`.
  public init(path: String, kind: Kind, what: String) {
    (self.path, self.kind, self.what) = (path, kind, what)
  }
}

extension RunReader {
  /// Everything in the archive, depth first, each group in the order of its names.
  ///
  /// Every group is entered once, however many names it has, so that links in circles come to an end; links to other
  /// files are named, not followed.
  public func objects(below start: String = "/") throws -> [StoredObject] {
    guard start == "/" || root.contains(start) else { return [] }
    guard start == "/" || root.kind(start) == .group else { return [] }
    var walk = ObjectWalk(file: try root.address)
    try walk.enter(start == "/" ? root : root.group(start), depth: 0)
    return walk.found
  }

  /// What the archive holds beside arrays and the labels of their axes: path and description.
  public func foreignObjects(
    below start: String = "/"
  ) throws -> [(path: String, description: String)] {
    try objects(below: start).filter { ![.array, .scale].contains($0.kind) }
      .map { ($0.path, $0.what) }
  }
}

/// Goes through the groups of one file.
private struct ObjectWalk {
  private(set) var found: [StoredObject] = []
  private let file: ObjectAddress
  private var groups: [ObjectAddress: String] = [:]

  /// Groups nested deeper are a trap or a mistake; each costs the walk a frame of the stack.
  private static let deepest = 256

  init(file: ObjectAddress) { self.file = file }

  mutating func enter(_ group: Group, depth: Int) throws {
    groups[try group.address] = group.path
    for link in try group.links() { try visit(link, of: group, depth) }
  }

  private mutating func visit(_ link: Link, of group: Group, _ depth: Int) throws {
    let path = (group.path == "/" ? "" : group.path) + "/" + link.name.shown
    func add(_ kind: StoredObject.Kind, _ what: String = "") {
      found.append(StoredObject(path: path, kind: kind, what: what))
    }
    switch link.target {
    case .object where link.name.text == nil: add(.foreign, "its name is not UTF-8")
    case .object(.group, let address):
      if let first = groups[address] { return add(.link, "another name of the group \(first)") }
      guard depth < Self.deepest else {
        return add(.foreign, "groups nested more than \(Self.deepest) deep")
      }
      do {
        try enter(group.group(link.name), depth: depth + 1)
      } catch let error as HDF5Error {
        add(.unreadable, error.message)
      }
    case .object(.dataset, _): found.append(StoredObject(dataset: link, of: group, path))
    case .object(.other, _): add(.foreign, "named type")
    case .soft(let target):
      // Everything in the file has a name that is not a soft link; a dataset is shown under this one too.
      guard link.name.text != nil, let end = group.resolved(link.name) else {
        return add(.link, "link to \(target.shown), where nothing is")
      }
      guard end.kind == .dataset, end.address.isInFile(of: file) else {
        return add(.link, "link to \(target.shown)")
      }
      found.append(StoredObject(dataset: link, of: group, path))
    case .external(let file, let target):
      add(.link, "link to \(target.shown) in the file \(file.shown), not followed")
    case .unknown(let what): add(.unreadable, what)
    }
  }
}

extension StoredObject {
  /// What the dataset is that an entry of a group leads to.
  init(dataset link: Link, of group: Group, _ path: String) {
    do {
      let dataset = try group.dataset(link.name)
      if let what = try dataset.foreignness {
        self.init(path: path, kind: .foreign, what: what)
        return
      }
      // An array that labels an axis has a hash as well; a mere axis has none.
      let isData = try !dataset.isScale || dataset.attributeNames().contains("logical_sha256")
      self.init(path: path, kind: isData ? .array : .scale, what: "")
    } catch {
      let message = (error as? HDF5Error)?.message ?? String(describing: error)
      self.init(path: path, kind: .unreadable, what: message)
    }
  }
}

extension Dataset {
  /// Why no array of ours can be made of it; nil when one can.
  fileprivate var foreignness: String? {
    get throws {
      if try isNull { return "\(try storedType), no value" }
      let shape = try shape
      let size = shape.reduce(into: (product: 16, isTooLarge: false)) {
        let (product, isTooLarge) = $0.product.multipliedReportingOverflow(by: max($1, 1))
        $0 = (product, $0.isTooLarge || isTooLarge)
      }
      do {
        _ = try elementType
        return size.isTooLarge ? "\(try storedType) \(shape), too large to be read" : nil
      } catch let error as HDF5Error where error.code == .mismatch {
        return "\(try storedType)" + (shape.isEmpty ? "" : " \(shape)")
      }
    }
  }
}
