import Arrays
import CHDF5

/// One filter of a dataset's chunks.
public struct StoredFilter: Sendable, Hashable {
  /// Number under which the HDF Group registered it.
  public let number: Int
  /// What the file, or the registry, calls it.
  public let name: String
  /// Its settings.
  let values: [UInt32]

  /// Names of filters that people use, by their numbers (HDF Group, registered filter plugins), for files that do not say.
  private static let registered: [Int: String] = [
    1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 305: "lzo",
    307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle",
    32013: "zfp", 32015: "zstd", 32017: "sz", 32026: "blosc2",
  ]

  init(number: Int, name: String, values: [UInt32]) {
    self.number = number
    self.name = name.isEmpty ? Self.registered[number] ?? "unnamed" : name
    self.values = values
  }
}

/// How values are laid out in the file.
extension Dataset {
  /// Lengths of a chunk, and the filters when chunks are exactly as ours: those of ``DatasetCreation/Filters`` and no
  /// others, in that order, for elements of this size, at the edges of the dataset too. Nil when not chunked.
  public var layout: (chunk: [Int], filters: DatasetCreation.Filters?)? {
    get throws {
      try HDF5Library.synchronized {
        let list = try creationList()
        guard H5Pget_layout(list.value) == H5D_CHUNKED else { return nil }
        let rank = try shape.count
        var chunk = [hsize_t](repeating: 0, count: rank)
        try check(H5Pget_chunk(list.value, Int32(rank), &chunk), "cannot read the chunk shape")
        var options: UInt32 = 0
        try check(H5Pget_chunk_opts(list.value, &options), "cannot read the chunk options")
        let filters = options == 0 ? try ownFilters(pipeline(list)) : nil
        return (chunk.map { Int(clamping: $0) }, filters)
      }
    }
  }

  /// Filters of the chunks in the order they are applied on writing; empty when there are none.
  public var filters: [StoredFilter] {
    get throws { try HDF5Library.synchronized { try pipeline(creationList()) } }
  }

  private func pipeline(_ list: Identifier) throws -> [StoredFilter] {
    let count = try check(H5Pget_nfilters(list.value), "cannot read the filters")
    return (0..<UInt32(count)).map { index in
      var (flags, length, config) = (UInt32(0), 32, UInt32(0))
      var values = [UInt32](repeating: 0, count: length)
      var name = [CChar](repeating: 0, count: 64)
      let number = H5Pget_filter2(
        list.value, index, &flags, &length, &values, name.count, &name, &config)
      return StoredFilter(
        number: Int(number), name: string(name), values: Array(values.prefix(length)))
    }
  }

  /// The pipeline as one of ours; nil when any other filter, order or setting is among them.
  private func ownFilters(_ pipeline: [StoredFilter]) throws -> DatasetCreation.Filters? {
    var filters = DatasetCreation.Filters.none
    var last = -1
    for filter in pipeline {
      let place: Int
      switch Int32(filter.number) {
      case H5Z_FILTER_SHUFFLE:
        guard try filter.values == [UInt32(storedElementByteCount)] else { return nil }
        (place, filters.shuffle) = (0, true)
      case H5Z_FILTER_DEFLATE:
        guard let level = filter.values.first else { return nil }
        (place, filters.deflate) = (1, Int(level))
      case H5Z_FILTER_FLETCHER32: (place, filters.fletcher32) = (2, true)
      default: return nil
      }
      guard place > last else { return nil }
      last = place
    }
    return filters
  }

  private var storedElementByteCount: Int {
    get throws {
      let type = Identifier(
        try check(H5Dget_type(identifier.value), "cannot read the type", file: file, path: path),
        closing: H5Tclose)
      return H5Tget_size(type.value)
    }
  }

  /// Whether the stored elements are, byte for byte, little-endian elements of ``elementType``: only then may bytes be taken
  /// as they lie in the file.
  public var isStoredExactly: Bool {
    get throws {
      try HDF5Library.synchronized {
        let type = Identifier(
          try check(H5Dget_type(identifier.value), "cannot read the type", file: file, path: path),
          closing: H5Tclose)
        guard let known = ElementType.stored(type.value), known != .utf8 else { return false }
        return try known.isStoredExactly(as: type.value)
      }
    }
  }

  /// What stands for values that were never written.
  public enum FillValue: Sendable {
    /// The library's own: zero, which nobody chose.
    case standard
    /// One that the file's maker declared.
    case declared
  }

  /// What stands for values that were never written.
  public var fillValue: FillValue {
    get throws {
      try HDF5Library.synchronized {
        let list = try creationList()
        var status = H5D_FILL_VALUE_UNDEFINED
        try check(H5Pfill_value_defined(list.value, &status), "cannot read the fill value")
        return status == H5D_FILL_VALUE_USER_DEFINED ? .declared : .standard
      }
    }
  }

  /// The declared fill value; nil where nobody declared one, or it is no number.
  public func declaredFill<Number: ArrayElement>(as type: Number.Type) throws -> Number? {
    guard try fillValue == .declared, try elementType != .utf8 else { return nil }
    return try HDF5Library.synchronized {
      let list = try creationList()
      return try withUnsafeTemporaryAllocation(of: Number.self, capacity: 1) { value in
        guard let place = value.baseAddress else { return nil }
        _ = try Number.elementType.with { type in
          try check(
            H5Pget_fill_value(list.value, type, place), "cannot read the fill value", file: file,
            path: path)
        }
        return place.pointee
      }
    }
  }

  /// What a failed read means where the library lacks a filter that the chunks went through; nil where it lacks none. Must run
  /// inside the lock.
  func missingFilter() -> HDF5Error? {
    guard let list = try? creationList(), let pipeline = try? pipeline(list),
      let filter = pipeline.first(where: { H5Zfilter_avail(H5Z_filter_t($0.number)) <= 0 })
    else { return nil }
    return HDF5Error(
      .mismatch,
      "it is stored with the filter \(filter.name) (number \(filter.number)), which this HDF5 library "
        + "lacks; install its plugin and set HDF5_PLUGIN_PATH, or write the file anew without it "
        + "(h5repack -f GZIP=1)", file: file, path: path)
  }
}
