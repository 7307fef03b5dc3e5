import Arrays
import CHDF5

/// A dataset of an open file.
public final class Dataset: @unchecked Sendable {
  /// Absolute place in the file.
  public let path: String
  /// The file's path, for messages.
  public let file: String
  let identifier: Identifier
  private let keeper: Identifier

  init(path: String, file: String, identifier: Identifier, keeper: Identifier) {
    (self.path, self.file, self.identifier, self.keeper) = (path, file, identifier, keeper)
  }

  /// Lengths of the axes now; empty for a scalar.
  public var shape: [Int] {
    get throws {
      try HDF5Library.synchronized {
        let space = try space()
        return try Dataspace.shape(space.value)
      }
    }
  }

  /// Whether the first axis can grow.
  public var isExtendible: Bool {
    get throws {
      try HDF5Library.synchronized {
        let space = try space()
        var (now, most) = ([hsize_t](), [hsize_t]())
        let rank = Int(H5Sget_simple_extent_ndims(space.value))
        guard rank > 0 else { return false }
        now = [hsize_t](repeating: 0, count: rank)
        most = now
        H5Sget_simple_extent_dims(space.value, &now, &most)
        return most[0] == isotherm_unlimited()
      }
    }
  }

  /// The stored type; throws ``HDF5Error/Code/mismatch`` for one that is not portable.
  public var elementType: ElementType {
    get throws {
      try HDF5Library.synchronized {
        let type = Identifier(
          try check(H5Dget_type(identifier.value), "cannot read the type", file: file, path: path),
          closing: H5Tclose)
        guard let known = ElementType.stored(type.value) else {
          throw HDF5Error(
            .mismatch, "expected integers, float32, float64 or text, found another type",
            file: file, path: path)
        }
        return known
      }
    }
  }

  /// Lengths of a chunk, and the filters when they are all of the standard ones; nil when not chunked.
  public var layout: (chunk: [Int], filters: DatasetCreation.Filters?)? {
    get throws {
      try HDF5Library.synchronized {
        let list = try creationList()
        guard H5Pget_layout(list.value) == H5D_CHUNKED else { return nil }
        let rank = try shape.count
        var chunk = [hsize_t](repeating: 0, count: rank)
        try check(H5Pget_chunk(list.value, Int32(rank), &chunk), "cannot read the chunk shape")
        return (chunk.map { Int($0) }, try filters(list))
      }
    }
  }

  private func filters(_ list: Identifier) throws -> DatasetCreation.Filters? {
    var filters = DatasetCreation.Filters.none
    let count = try check(H5Pget_nfilters(list.value), "cannot read the filters")
    for index in 0..<UInt32(count) {
      var (flags, length, config) = (UInt32(0), 8, UInt32(0))
      var values = [UInt32](repeating: 0, count: 8)
      let name = H5Pget_filter2(list.value, index, &flags, &length, &values, 0, nil, &config)
      switch name {
      case H5Z_FILTER_SHUFFLE: filters.shuffle = true
      case H5Z_FILTER_DEFLATE: filters.deflate = Int(values[0])
      case H5Z_FILTER_FLETCHER32: filters.fletcher32 = true
      default: return nil
      }
    }
    return filters
  }

  /// Bytes taken in the file; 0 for a virtual dataset.
  public var storedByteCount: Int {
    HDF5Library.synchronized { Int(H5Dget_storage_size(identifier.value)) }
  }

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
    get throws {
      try HDF5Library.synchronized {
        let list = try creationList()
        guard H5Pget_layout(list.value) == H5D_VIRTUAL else { return [] }
        var count = 0
        try check(H5Pget_virtual_count(list.value, &count), "cannot read the sources")
        return (0..<count).map { index in
          let length = H5Pget_virtual_filename(list.value, index, nil, 0)
          guard length > 0 else { return "" }
          var name = [CChar](repeating: 0, count: length + 1)
          H5Pget_virtual_filename(list.value, index, &name, length + 1)
          return string(name)
        }
      }
    }
  }

  private func creationList() throws -> Identifier {
    Identifier(
      try check(
        H5Dget_create_plist(identifier.value), "cannot read the layout", file: file, path: path),
      closing: H5Pclose)
  }

  func space() throws -> Identifier {
    Identifier(
      try check(H5Dget_space(identifier.value), "cannot read the shape", file: file, path: path),
      closing: H5Sclose)
  }

  // MARK: - Numbers

  /// Reads a block: `count` elements an axis from `start`, or everything, in C order, converted to `Number`.
  public func read<Number: ArrayElement>(
    _ type: Number.Type = Number.self, start: [Int]? = nil, count: [Int]? = nil
  ) throws -> [Number] {
    let shape = try shape
    let size = (count ?? shape).reduce(1, *)
    return try [Number](unsafeUninitializedCapacity: size) { buffer, initialized in
      try read(
        into: UnsafeMutableRawBufferPointer(buffer), as: Number.elementType, start: start,
        count: count)
      initialized = size
    }
  }

  /// Reads a block into memory that the caller owns; see ``read(_:start:count:)``.
  public func read(
    into buffer: UnsafeMutableRawBufferPointer, as type: ElementType, start: [Int]? = nil,
    count: [Int]? = nil
  ) throws {
    try HDF5Library.synchronized {
      let (file, memory) = try selection(start: start, count: count, byteCount: buffer.count, type)
      if buffer.count == 0 { return }
      _ = try type.with { type in
        try check(
          H5Dread(
            identifier.value, type, memory.value, file.value, isotherm_plist_default(),
            buffer.baseAddress), "cannot read the values; the file may be damaged or cut short",
          file: self.file, path: path, code: .notReadable)
      }
    }
  }

  /// Writes a block; see ``read(_:start:count:)`` for the selection.
  public func write<Number: ArrayElement>(
    _ values: [Number], start: [Int]? = nil, count: [Int]? = nil
  ) throws {
    try values.withUnsafeBytes {
      try write(from: $0, as: Number.elementType, start: start, count: count)
    }
  }

  /// Writes a block from memory.
  public func write(
    from buffer: UnsafeRawBufferPointer, as type: ElementType, start: [Int]? = nil,
    count: [Int]? = nil
  ) throws {
    try HDF5Library.synchronized {
      let (file, memory) = try selection(start: start, count: count, byteCount: buffer.count, type)
      if buffer.count == 0 { return }
      _ = try type.with { type in
        try check(
          H5Dwrite(
            identifier.value, type, memory.value, file.value, isotherm_plist_default(),
            buffer.baseAddress), "cannot write the values; the disk may be full",
          file: self.file, path: path)
      }
    }
  }

  private func selection(
    start: [Int]?, count: [Int]?, byteCount: Int, _ type: ElementType
  ) throws -> (file: Identifier, memory: Identifier) {
    let file = try space()
    let shape = try Dataspace.shape(file.value)
    let count = count ?? shape
    let start = start ?? shape.map { _ in 0 }
    guard start.count == shape.count, count.count == shape.count,
      zip(shape, zip(start, count)).allSatisfy({ $1.0 >= 0 && $1.1 >= 0 && $1.0 + $1.1 <= $0 })
    else {
      throw HDF5Error(
        .mismatch, "block \(count) at \(start) lies outside the shape \(shape)", file: self.file,
        path: path)
    }
    guard count.reduce(1, *) * type.memoryByteCount == byteCount else {
      throw HDF5Error(
        .mismatch,
        "a block of \(count) \(type) takes \(count.reduce(1, *) * type.memoryByteCount) "
          + "bytes, the memory given has \(byteCount)", file: self.file, path: path)
    }
    if !shape.isEmpty { try Dataspace.select(file.value, start: start, count: count) }
    return (file, try Dataspace.simple(count))
  }

  /// Changes the length of the axes, within the maximum shape.
  public func resize(_ shape: [Int]) throws {
    try HDF5Library.synchronized {
      _ = try check(
        H5Dset_extent(identifier.value, shape.map { hsize_t($0) }), "cannot extend to \(shape)",
        file: file, path: path)
    }
  }

  // MARK: - Text

  /// All strings, in C order. Both fixed-length and variable-length text is read.
  public func readStrings() throws -> [String] {
    try HDF5Library.synchronized {
      let type = Identifier(
        try check(H5Dget_type(identifier.value), "cannot read the type"), closing: H5Tclose)
      guard H5Tget_class(type.value) == H5T_STRING else {
        throw HDF5Error(.mismatch, "expected text, found numbers", file: file, path: path)
      }
      let count = try shape.reduce(1, *)
      if count == 0 { return [] }
      if H5Tis_variable_str(type.value) > 0 { return try readVariable(type, count) }
      let size = H5Tget_size(type.value)
      var bytes = [CChar](repeating: 0, count: size * count)
      try check(
        H5Dread(
          identifier.value, type.value, isotherm_space_all(), isotherm_space_all(),
          isotherm_plist_default(), &bytes), "cannot read the text", file: file, path: path)
      return (0..<count).map { string(Array(bytes[$0 * size..<($0 + 1) * size])) }
    }
  }

  private func readVariable(_ type: Identifier, _ count: Int) throws -> [String] {
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    try check(
      H5Dread(
        identifier.value, type.value, isotherm_space_all(), isotherm_space_all(),
        isotherm_plist_default(), &pointers), "cannot read the text", file: file, path: path,
      code: .notReadable)
    let texts = pointers.map { $0.map { String(cString: $0) } ?? "" }
    let space = try space()
    H5Dvlen_reclaim(type.value, space.value, isotherm_plist_default(), &pointers)
    return texts
  }

  /// Writes all strings, in C order.
  public func writeStrings(_ texts: [String]) throws {
    try HDF5Library.synchronized {
      let count = try shape.reduce(1, *)
      guard texts.count == count else {
        throw HDF5Error(
          .mismatch, "expected \(count) strings, found \(texts.count)", file: file, path: path)
      }
      // One block of memory for all strings: HDF5 takes pointers and copies.
      var bytes: [CChar] = []
      var places: [Int] = []
      for text in texts {
        places.append(bytes.count)
        bytes += text.utf8.map { CChar(bitPattern: $0) } + [0]
      }
      try bytes.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return }
        let pointers: [UnsafePointer<CChar>?] = places.map { base + $0 }
        _ = try ElementType.utf8.with { type in
          try check(
            H5Dwrite(
              identifier.value, type, isotherm_space_all(), isotherm_space_all(),
              isotherm_plist_default(), pointers), "cannot write the text", file: file, path: path)
        }
      }
    }
  }
}
