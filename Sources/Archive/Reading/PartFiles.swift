import HDF5

/// Opens parts when they are asked for, and keeps few of them open: each open file costs the library megabytes, and a long run
/// has dozens.
final class PartFiles {
  private let folder: String
  private var open: [(name: String, root: Group)] = []
  private let limit: Int
  private var states: [String: [String: [UInt8]]] = [:]

  /// Files of `folder`, at most `limit` of them open at a time.
  init(_ folder: String, limit: Int = 4) { (self.folder, self.limit) = (folder, limit) }

  /// The root of a part.
  func root(_ name: String) throws -> Group {
    if let place = open.firstIndex(where: { $0.name == name }) {
      open.append(open.remove(at: place))
      return open[open.count - 1].root
    }
    let root = try File.open(folder + "/" + name, asSource: true).root
    open.append((name, root))
    if open.count > limit { open.removeFirst() }
    return root
  }

  /// How far the hashes of the arrays had come at the end of a part; empty where it does not say.
  func hashStates(_ name: String) throws -> [String: [UInt8]] {
    if let known = states[name] { return known }
    let read = HashStates.read(try root(name))
    states[name] = read
    return read
  }
}
