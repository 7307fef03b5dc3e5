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
  /// - Throws: ``HDF5Error/Code/mismatch`` for a dataset without a place for any value (a null dataspace).
  public var shape: [Int] {
    get throws {
      try HDF5Library.synchronized {
        let space = try space()
        guard H5Sget_simple_extent_type(space.value) != H5S_NULL else {
          throw HDF5Error(
            .mismatch, "it holds no value (a null dataspace)", file: file, path: path)
        }
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

  /// The type that holds every stored value exactly, whatever its byte order and precision; see ``isStoredExactly``.
  /// - Throws: ``HDF5Error/Code/mismatch`` for one that no portable type can hold.
  public var elementType: ElementType {
    get throws {
      try HDF5Library.synchronized {
        let type = Identifier(
          try check(H5Dget_type(identifier.value), "cannot read the type", file: file, path: path),
          closing: H5Tclose)
        guard let known = ElementType.stored(type.value) else {
          let found =
            (try? StoredType(type.value).description) ?? "a type this library does not know"
          throw HDF5Error(
            .mismatch,
            "expected whole numbers, floating-point numbers of up to 64 bits or text, found \(found)",
            file: file, path: path)
        }
        return known
      }
    }
  }

  /// Bytes taken in the file; 0 for a virtual dataset.
  public var storedByteCount: Int {
    HDF5Library.synchronized { Int(H5Dget_storage_size(identifier.value)) }
  }

  func creationList() throws -> Identifier {
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
  /// - Throws: ``HDF5Error`` also where a virtual dataset's values would not come from its sources; see ``verifySources()``.
  public func read(
    into buffer: UnsafeMutableRawBufferPointer, as type: ElementType, start: [Int]? = nil,
    count: [Int]? = nil
  ) throws {
    try HDF5Library.synchronized {
      if try isVirtual { try verifySources() }
      let (file, memory) = try selection(start: start, count: count, byteCount: buffer.count, type)
      if buffer.count == 0 { return }
      _ = try type.with { type in
        let status = H5Dread(
          identifier.value, type, memory.value, file.value, isotherm_plist_default(),
          buffer.baseAddress)
        guard status < 0 else { return }
        let stack = HDF5Error.capture()
        throw missingFilter()
          ?? HDF5Error(
            .notReadable,
            "cannot read the values; the file may be damaged or cut short (\(stack.last ?? "no reason given"))",
            file: self.file, path: path, stack: stack)
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
}
