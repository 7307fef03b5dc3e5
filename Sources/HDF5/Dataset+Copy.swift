import Arrays
import CHDF5

/// How the image of a dataset in another file may differ from it.
public struct ImageLayout: Sendable {
  /// Where the values lie.
  public enum Storage: Sendable {
    /// As in the original.
    case same
    /// In chunks of these lengths, with these filters.
    case chunks([Int], DatasetCreation.Filters)
    /// In one block.
    case block
  }

  /// Where the values lie.
  public var storage = Storage.same
  /// Another element type; the stored one when nil.
  public var type: ElementType?
  /// Other lengths of the axes; an axis without end stays without end.
  public var shape: [Int]?

  /// As it is.
  public init() {}
}

extension Group {
  /// Makes the dataset `name` with the type, shape, fill value, chunks and filters of `original` but for what `layout`
  /// changes. It has no values yet.
  public func createDataset(
    _ name: StoredName, like original: Dataset, _ layout: ImageLayout
  ) throws -> Dataset {
    try HDF5Library.synchronized {
      let place = joined(name.shown)
      let list = try original.creationList(layout.storage)
      let space = try original.space()
      if let shape = layout.shape, !shape.isEmpty {
        var most = [hsize_t](repeating: 0, count: shape.count)
        try check(H5Sget_simple_extent_dims(space.value, nil, &most), "cannot read the shape")
        for axis in shape.indices where most[axis] != isotherm_unlimited() {
          most[axis] = hsize_t(shape[axis])
        }
        try check(
          H5Sset_extent_simple(
            space.value, Int32(shape.count), shape.map { hsize_t($0) }, most),
          "cannot make a shape \(shape)")
      }
      if case .block = layout.storage { try Dataspace.end(space.value) }
      let value = try original.withImageType(layout.type) { type in
        try name.withCString {
          try check(
            H5Dcreate2(
              identifier.value, $0, type, space.value, isotherm_plist_default(), list.value,
              isotherm_plist_default()), "cannot make the dataset", file: file, path: place)
        }
      }
      return Dataset(
        path: place, file: file, identifier: Identifier(value, closing: H5Dclose), keeper: keeper)
    }
  }
}

extension Dataspace {
  /// Lets the axes end where they are: only chunks can grow.
  fileprivate static func end(_ space: hid_t) throws {
    let shape = try shape(space)
    guard !shape.isEmpty else { return }
    try check(
      H5Sset_extent_simple(space, Int32(shape.count), shape.map { hsize_t($0) }, nil),
      "cannot make a shape \(shape)")
  }
}

extension Dataset {
  /// Whether its values lie in the file itself, in a form that HDF5 copies as it is.
  public var isSelfContained: Bool {
    get throws {
      try HDF5Library.synchronized {
        let list = try creationList(.same)
        return H5Pget_layout(list.value) != H5D_VIRTUAL && H5Pget_external_count(list.value) == 0
      }
    }
  }

  /// Must run inside the lock.
  fileprivate func creationList(_ storage: ImageLayout.Storage) throws -> Identifier {
    let stored = Identifier(
      try check(
        H5Dget_create_plist(identifier.value), "cannot read the layout", file: file, path: path),
      closing: H5Pclose)
    let creation: DatasetCreation
    switch storage {
    case .same: return stored
    case .block: creation = DatasetCreation()
    case .chunks(let chunk, let filters): creation = DatasetCreation(chunk: chunk, filters: filters)
    }
    let list = try creation.propertyList(shape: shape)
    var isDefined = H5D_FILL_VALUE_UNDEFINED
    try check(H5Pfill_value_defined(stored.value, &isDefined), "cannot read the fill value")
    guard isDefined == H5D_FILL_VALUE_USER_DEFINED else { return list }
    let type = Identifier(
      try check(H5Dget_type(identifier.value), "cannot read the type", file: file, path: path),
      closing: H5Tclose)
    var value = [UInt8](repeating: 0, count: H5Tget_size(type.value))
    try check(
      H5Pget_fill_value(stored.value, type.value, &value), "cannot read the fill value",
      file: file, path: path)
    try check(H5Pset_fill_value(list.value, type.value, value), "cannot set the fill value")
    return list
  }

  /// Named values keep their names where their numbers are stored as ours are.
  fileprivate func withImageType<Result>(
    _ wanted: ElementType?, _ body: (hid_t) throws -> Result
  ) throws -> Result {
    let stored = Identifier(
      try check(H5Dget_type(identifier.value), "cannot read the type", file: file, path: path),
      closing: H5Tclose)
    // A type with a name belongs to its file.
    let type = Identifier(
      try check(H5Tcopy(stored.value), "cannot copy the type", file: file, path: path),
      closing: H5Tclose)
    guard let wanted else { return try body(type.value) }
    return try wanted.with { plain in
      guard H5Tget_class(type.value) == H5T_ENUM else { return try body(plain) }
      let base = Identifier(
        try check(H5Tget_super(type.value), "cannot read a type"), closing: H5Tclose)
      return try body(H5Tequal(base.value, plain) > 0 ? type.value : plain)
    }
  }

  /// Copies all chunks of `original`, which must have the same chunks and filters, as they are stored.
  public func copyChunks(from original: Dataset) throws {
    let shape = try original.shape
    guard let chunk = try original.layout?.chunk, !shape.contains(0) else { return }
    var offset = shape.map { _ in 0 }
    while true {
      if let stored = try original.readChunk(offset: offset) {
        try stored.bytes.withUnsafeBytes {
          try writeChunk($0, offset: offset, filterMask: stored.filterMask)
        }
      }
      var axis = shape.count - 1
      while axis >= 0 {
        offset[axis] += chunk[axis]
        if offset[axis] < shape[axis] { break }
        offset[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
