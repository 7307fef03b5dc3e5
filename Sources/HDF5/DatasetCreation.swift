import Arrays
import CHDF5

/// How a new dataset is laid out.
public struct DatasetCreation: Sendable {
  /// Filters in the order they are applied on writing.
  public struct Filters: Sendable, Hashable, Codable {
    /// Bytes of equal significance are put together first.
    public var shuffle: Bool
    /// Level of gzip, 1 to 9; nil for none.
    public var deflate: Int?
    /// A checksum a chunk.
    public var fletcher32: Bool

    /// Chosen filters.
    public init(shuffle: Bool, deflate: Int?, fletcher32: Bool) {
      (self.shuffle, self.deflate, self.fletcher32) = (shuffle, deflate, fletcher32)
    }

    /// None.
    public static let none = Filters(shuffle: false, deflate: nil, fletcher32: false)
    /// shuffle + gzip-1 + fletcher32, which every HDF5 library reads without a plugin.
    public static let standard = Filters(shuffle: true, deflate: 1, fletcher32: true)
  }

  /// One piece of a virtual dataset: rows of another file.
  public struct Source: Sendable {
    /// Path of the source file, relative to the virtual file's folder.
    public var file: String
    /// Dataset in the source file.
    public var dataset: String
    /// First row of the virtual dataset that it fills.
    public var start: Int
    /// Rows that are taken, from the first.
    public var count: Int
    /// Rows the source holds; as many as are taken when nil.
    public var available: Int?

    /// Rows `start ..< start + count` come from `dataset` in `file`.
    public init(file: String, dataset: String, start: Int, count: Int, available: Int? = nil) {
      (self.file, self.dataset, self.start, self.count) = (file, dataset, start, count)
      self.available = available
    }
  }

  /// Largest lengths; nil for an axis without end. Needs chunks.
  public var maximumShape: [Int?]?
  /// Lengths of a chunk; nil for one contiguous block.
  public var chunk: [Int]?
  /// Filters of chunks.
  public var filters: Filters
  /// When not empty, the dataset is virtual: rows joined from other files.
  public var sources: [Source]
  /// Axes of length 1 before the rows, which the sources are without.
  public var leadingAxes = 0
  /// Whether a fill value that no measurement has stands for what is not written: NaN, or the last number of an integer type.
  public var marksUnwritten = false

  /// A contiguous dataset unless told otherwise.
  public init(
    maximumShape: [Int?]? = nil, chunk: [Int]? = nil, filters: Filters = .none,
    sources: [Source] = []
  ) {
    (self.maximumShape, self.chunk, self.filters) = (maximumShape, chunk, filters)
    self.sources = sources
  }

  /// The library's property list. Must run inside the lock.
  func propertyList(shape: [Int], _ type: ElementType? = nil) throws -> Identifier {
    let list = Identifier(
      try check(H5Pcreate(isotherm_plist_dataset_create()), "cannot prepare a dataset"),
      closing: H5Pclose)
    try check(H5Pset_obj_track_times(list.value, false), "cannot prepare a dataset")
    try check(
      H5Pset_attr_creation_order(
        list.value, UInt32(H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)),
      "cannot prepare a dataset")
    if marksUnwritten, let type, let mark = Self.unwrittenMark(type) {
      _ = try type.with {
        try check(H5Pset_fill_value(list.value, $0, mark), "cannot set the fill value")
      }
    }
    if !sources.isEmpty {
      try addSources(list, shape)
      return list
    }
    guard let chunk else { return list }
    try check(
      H5Pset_chunk(list.value, Int32(chunk.count), chunk.map { hsize_t($0) }),
      "cannot set chunks of \(chunk)")
    // Chunks arrive complete; filling them first would write every byte twice.
    try check(H5Pset_fill_time(list.value, H5D_FILL_TIME_IFSET), "cannot set the fill time")
    if filters.shuffle { try check(H5Pset_shuffle(list.value), "cannot set shuffle") }
    if let level = filters.deflate {
      try check(H5Pset_deflate(list.value, UInt32(level)), "cannot set gzip")
    }
    if filters.fletcher32 { try check(H5Pset_fletcher32(list.value), "cannot set fletcher32") }
    return list
  }

  /// Bytes of the value that stands for what is not written; nil for text.
  static func unwrittenMark(_ type: ElementType) -> [UInt8]? {
    func bytes<Number>(_ value: Number) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
    switch type {
    case .int8: return bytes(Int8.min)
    case .uint8: return bytes(UInt8.max)
    case .int16: return bytes(Int16.min)
    case .uint16: return bytes(UInt16.max)
    case .int32: return bytes(Int32.min)
    case .uint32: return bytes(UInt32.max)
    case .int64: return bytes(Int64.min)
    case .uint64: return bytes(UInt64.max)
    case .float16: return bytes(Float16.nan)
    case .bfloat16: return bytes(UInt16(0x7FC0))
    case .float32: return bytes(Float.nan)
    case .float64: return bytes(Double.nan)
    case .utf8: return nil
    }
  }

  private func addSources(_ list: Identifier, _ shape: [Int]) throws {
    let lead = shape.prefix(leadingAxes)
    let rest = shape.dropFirst(leadingAxes + 1)
    let zeros = rest.map { _ in 0 }
    for source in sources {
      let target = try Dataspace.simple(shape)
      try Dataspace.select(
        target.value, start: lead.map { _ in 0 } + [source.start] + zeros,
        count: lead + [source.count] + rest)
      let space = try Dataspace.simple([source.available ?? source.count] + rest)
      try Dataspace.select(space.value, start: [0] + zeros, count: [source.count] + rest)
      try check(
        H5Pset_virtual(list.value, target.value, source.file, source.dataset, space.value),
        "cannot join \(source.file):\(source.dataset)")
    }
  }
}
