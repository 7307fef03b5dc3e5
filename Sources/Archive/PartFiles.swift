import HDF5

/// Opens parts when they are asked for, and keeps few of them open: each open file costs the library megabytes, and a long run
/// has dozens.
final class PartFiles {
  private let folder: String
  private var open: [(name: String, root: Group)] = []
  private static let limit = 4

  init(_ folder: String) { self.folder = folder }

  /// The root of a part.
  func root(_ name: String) throws -> Group {
    if let place = open.firstIndex(where: { $0.name == name }) {
      open.append(open.remove(at: place))
      return open[open.count - 1].root
    }
    let root = try File.open(folder + "/" + name, asSource: true).root
    open.append((name, root))
    if open.count > Self.limit { open.removeFirst() }
    return root
  }
}
