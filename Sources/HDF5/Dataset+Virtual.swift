import CHDF5
import Foundation

/// Datasets whose values lie in other files.
///
/// The library gives the fill value, and no error, for a source that is gone, cannot be opened, is cut short or was never
/// written. So sources are looked at before it is asked.
extension Dataset {
  /// True when the values lie in other files.
  public var isVirtual: Bool {
    get throws {
      try HDF5Library.synchronized {
        let list = try creationList()
        return H5Pget_layout(list.value) == H5D_VIRTUAL
      }
    }
  }

  /// Files a virtual dataset takes its values from, as they are named in it; empty for any other.
  public var sourceFiles: [String] {
    get throws { try virtualSources.map(\.file) }
  }

  /// Files outside HDF5 in which the values lie, as they are named in it; empty where the values lie in its own file.
  public var externalFiles: [String] {
    get throws {
      try HDF5Library.synchronized {
        let list = try creationList()
        let count = try check(
          H5Pget_external_count(list.value), "cannot read the external files", file: file,
          path: path)
        return try (0..<UInt32(count)).map { index in
          var name = [CChar](repeating: 0, count: Int(PATH_MAX))
          try check(
            H5Pget_external(list.value, index, name.count - 1, &name, nil, nil),
            "cannot read the external files", file: file, path: path)
          return string(name)
        }
      }
    }
  }

  /// One piece of a virtual dataset.
  public struct VirtualSource: Sendable, Hashable {
    /// The file as it is named; `.` for the dataset's own.
    public let file: String
    /// The dataset in that file.
    public let dataset: String
    /// Block that it fills, `[start, count]` an axis; nil for a selection that is no block, or one without end.
    public let target: Block?
    /// Block that is taken; nil as for `target`.
    public let source: Block?
    /// Rank and largest index an axis of what is taken; nil for a selection without end.
    let bounds: [Int]?

    /// A block of elements.
    public struct Block: Sendable, Hashable {
      /// First element.
      public let start: [Int]
      /// Elements an axis.
      public let count: [Int]
    }
  }

  /// Where a virtual dataset takes its values from; empty for any other.
  public var virtualSources: [VirtualSource] {
    get throws {
      try HDF5Library.synchronized {
        let list = try creationList()
        guard H5Pget_layout(list.value) == H5D_VIRTUAL else { return [] }
        var count = 0
        try check(H5Pget_virtual_count(list.value, &count), "cannot read the sources")
        return try (0..<count).map { try virtualSource(list, $0) }
      }
    }
  }

  private func virtualSource(_ list: Identifier, _ index: Int) throws -> VirtualSource {
    func text(_ read: (UnsafeMutablePointer<CChar>?, Int) -> Int) -> String {
      let length = read(nil, 0)
      guard length > 0 else { return "" }
      var bytes = [CChar](repeating: 0, count: length + 1)
      _ = read(&bytes, bytes.count)
      return string(bytes)
    }
    let target = Identifier(
      try check(H5Pget_virtual_vspace(list.value, index), "cannot read a source"),
      closing: H5Sclose)
    let source = Identifier(
      try check(H5Pget_virtual_srcspace(list.value, index), "cannot read a source"),
      closing: H5Sclose)
    return VirtualSource(
      file: text { H5Pget_virtual_filename(list.value, index, $0, $1) },
      dataset: text { H5Pget_virtual_dsetname(list.value, index, $0, $1) },
      target: try Dataspace.block(target.value), source: try Dataspace.block(source.value),
      bounds: Dataspace.lastSelected(source.value))
  }

  /// Where a source's file lies: relative names start from the folder of the dataset's own file.
  public func place(of source: VirtualSource) -> String {
    if source.file == "." { return file }
    return source.file.hasPrefix("/") ? source.file : parentFolder(file) + "/" + source.file
  }

  /// Looks at every source: that it is there, opens, reaches far enough and was written.
  /// - Throws: ``HDF5Error`` naming the source that the values would not come from, or how many have none.
  public func verifySources() throws { try verifySources(depth: 0) }

  private func verifySources(depth: Int) throws {
    guard depth < 8 else {
      throw HDF5Error(
        .mismatch,
        "its sources are virtual datasets of virtual datasets, in a circle or more than 8 deep",
        file: file, path: path)
    }
    let sources = try virtualSources
    // Names with a pattern are looked up by the library as far as there are files: the shape ends with them.
    for source in sources where !source.file.contains("%") && !source.dataset.contains("%") {
      do {
        try verify(source, depth)
      } catch let error as HDF5Error {
        throw HDF5Error(
          error.code,
          "its values lie in \(source.file):\(source.dataset), which cannot be read: \(error.message); "
            + "put the file where it was, beside \(file)", file: file, path: path)
      }
    }
    guard try fillValue == .standard, sources.allSatisfy({ $0.target != nil }) else { return }
    let covered = try coveredCount(sources)
    let count = try shape.reduce(1, *)
    guard covered >= count else {
      throw HDF5Error(
        .mismatch, "\(count - covered) of its \(count) values have no source; nobody wrote them",
        file: file, path: path)
    }
  }

  private func verify(_ source: VirtualSource, _ depth: Int) throws {
    let file = try File.open(place(of: source), asSource: true)
    let dataset = try file.root.dataset(source.dataset)
    let shape = try dataset.shape
    if let bounds = source.bounds {
      guard bounds.count == shape.count, zip(bounds, shape).allSatisfy({ $0 < $1 }) else {
        throw HDF5Error(
          .mismatch, "it has the shape \(shape), and values up to index \(bounds) are taken from it"
        )
      }
    }
    if source.bounds == nil, let wanted = source.target?.count.reduce(1, *),
      wanted > shape.reduce(1, *)
    {
      throw HDF5Error(
        .mismatch, "it has the shape \(shape), and \(wanted) values are taken from it")
    }
    if try dataset.isVirtual { return try dataset.verifySources(depth: depth + 1) }
    guard try dataset.fillValue == .standard else { return }
    let block = source.source.flatMap { $0.count.count == shape.count ? $0 : nil }
    if let place = try dataset.firstUnwritten(start: block?.start, count: block?.count) {
      throw HDF5Error(.mismatch, "its values from \(place) on were never written")
    }
  }

  /// Elements that some source fills.
  private func coveredCount(_ sources: [VirtualSource]) throws -> Int {
    try HDF5Library.synchronized {
      let union = try space()
      H5Sselect_none(union.value)
      for block in sources.compactMap(\.target) where !block.count.contains(0) {
        try check(
          H5Sselect_hyperslab(
            union.value, H5S_SELECT_OR, block.start.map { hsize_t($0) }, nil,
            block.count.map { hsize_t($0) }, nil), "cannot join the sources", file: file, path: path
        )
      }
      return Int(H5Sget_select_npoints(union.value))
    }
  }
}

extension Dataspace {
  /// The selection as one block; nil when it is none, or has no end. Must run inside the lock.
  static func block(_ space: hid_t) throws -> Dataset.VirtualSource.Block? {
    let shape = try shape(space)
    switch H5Sget_select_type(space) {
    case H5S_SEL_ALL: return .init(start: shape.map { _ in 0 }, count: shape)
    case H5S_SEL_HYPERSLABS: break
    default: return nil
    }
    guard H5Sis_regular_hyperslab(space) > 0 else { return nil }
    let zero = [hsize_t](repeating: 0, count: shape.count)
    var (start, stride, count, block) = (zero, zero, zero, zero)
    guard H5Sget_regular_hyperslab(space, &start, &stride, &count, &block) >= 0 else { return nil }
    var lengths: [Int] = []
    for axis in shape.indices {
      guard count[axis] != isotherm_unlimited(), block[axis] != isotherm_unlimited(),
        count[axis] == 1 || stride[axis] == block[axis]
      else { return nil }
      lengths.append(Int(clamping: count[axis]) * Int(clamping: block[axis]))
    }
    return .init(start: start.map { Int(clamping: $0) }, count: lengths)
  }

  /// Largest index an axis of a selection; nil when it has no end, or nothing is selected. Must run inside the lock.
  static func lastSelected(_ space: hid_t) -> [Int]? {
    let rank = Int(H5Sget_simple_extent_ndims(space))
    // All of a source is selected before its lengths are known.
    guard rank > 0, H5Sget_select_type(space) == H5S_SEL_HYPERSLABS else { return nil }
    var first = [hsize_t](repeating: 0, count: rank)
    var last = first
    guard H5Sget_select_npoints(space) > 0, H5Sget_select_bounds(space, &first, &last) >= 0,
      !last.contains(where: { $0 >= hsize_t(Int.max) })
    else { return nil }
    return last.map { Int(clamping: $0) }
  }
}
