import CHDF5

/// Names that objects go by, to say what a reference leads to: the first name of each, in the order of names.
public final class ObjectNames: @unchecked Sendable {
  private let root: Group
  private var names: [ObjectAddress: String]?

  /// Names in the file of `root`; looked up when the first is asked for.
  public init(_ root: Group) { self.root = root }

  /// The name of the object at `address`; nil when it has none.
  public subscript(address: ObjectAddress) -> String? {
    get throws {
      if let names { return names[address] }
      var found = [try root.address: "/"]
      try collect(root, depth: 0, into: &found)
      names = found
      return found[address]
    }
  }

  private func collect(
    _ group: Group, depth: Int, into found: inout [ObjectAddress: String]
  ) throws {
    guard depth < 256 else { return }
    for link in try group.links() {
      guard case .object(let kind, let address) = link.target, found[address] == nil else {
        continue
      }
      found[address] = group.joined(link.name.shown)
      if kind == .group { try collect(group.group(link.name), depth: depth + 1, into: &found) }
    }
  }
}

/// How elements of any type lie in memory, and how they are written down so that equal values give equal bytes: numbers
/// little endian, text with its length and without its padding, references by name, nothing of what lies between.
indirect enum ValueForm {
  case plain(Int)
  case text(Int, StoredType.Padding)
  case variableText
  case compound([(offset: Int, form: ValueForm)])
  case array(count: Int, size: Int, ValueForm)
  case sequence(size: Int, ValueForm)
  case objectReference
  case regionReference

  /// The form of a native type. Must run inside the lock.
  init(_ type: hid_t) throws {
    let size = H5Tget_size(type)
    switch H5Tget_class(type) {
    case H5T_INTEGER, H5T_FLOAT, H5T_ENUM, H5T_BITFIELD, H5T_OPAQUE: self = .plain(size)
    case H5T_STRING:
      guard case .text(_, _, let padding) = try StoredType(type) else {
        self = .variableText
        return
      }
      self = .text(size, padding)
    case H5T_COMPOUND:
      let count = try check(H5Tget_nmembers(type), "cannot read a type", code: .notReadable)
      self = .compound(
        try (0..<UInt32(count)).map { index in
          let member = Identifier(
            try check(H5Tget_member_type(type, index), "cannot read a type"), closing: H5Tclose)
          return (H5Tget_member_offset(type, index), try ValueForm(member.value))
        })
    case H5T_ARRAY, H5T_VLEN:
      let base = Identifier(
        try check(H5Tget_super(type), "cannot read a type"), closing: H5Tclose)
      let form = try ValueForm(base.value)
      let part = H5Tget_size(base.value)
      self =
        H5Tget_class(type) == H5T_VLEN
        ? .sequence(size: part, form)
        : .array(count: try StoredType.lengths(type).reduce(1, *), size: part, form)
    case H5T_REFERENCE:
      self = H5Tequal(type, isotherm_type_region()) > 0 ? .regionReference : .objectReference
    default: throw HDF5Error(.mismatch, "values of a type that this library does not know")
    }
  }

  /// Bytes of what is written down for each element; nil when it varies.
  var writtenByteCount: Int? {
    switch self {
    case .plain(let size): return size
    case .compound(let fields):
      return fields.reduce(0) { sum, field in
        sum.flatMap { sum in field.form.writtenByteCount.map { sum + $0 } }
      }
    case .array(let count, _, let form): return form.writtenByteCount.map { $0 * count }
    default: return nil
    }
  }

  /// Writes one element down. Must run inside the lock.
  func write(
    _ element: UnsafeRawPointer, to bytes: inout [UInt8], in location: hid_t, _ names: ObjectNames?
  ) throws {
    switch self {
    case .plain(let size): bytes += UnsafeRawBufferPointer(start: element, count: size)
    case .text(let size, let padding):
      let all = UnsafeRawBufferPointer(start: element, count: size)
      switch padding {
      case .terminated: Self.put(all.prefix { $0 != 0 }, &bytes)
      case .zeros: Self.put(all.prefix((all.lastIndex { $0 != 0 } ?? -1) + 1), &bytes)
      case .spaces: Self.put(all.prefix((all.lastIndex { $0 != 0x20 } ?? -1) + 1), &bytes)
      }
    case .variableText:
      let text = element.loadUnaligned(as: UnsafePointer<CChar>?.self)
      Self.put(text.map { StoredName($0).bytes } ?? [], &bytes)
    case .compound(let fields):
      for field in fields {
        try field.form.write(element + field.offset, to: &bytes, in: location, names)
      }
    case .array(let count, let size, let form):
      for index in 0..<count {
        try form.write(element + index * size, to: &bytes, in: location, names)
      }
    case .sequence(let size, let form):
      let sequence = element.loadUnaligned(as: hvl_t.self)
      bytes += withUnsafeBytes(of: UInt64(sequence.len).littleEndian) { Array($0) }
      guard let start = sequence.p else { return }
      for index in 0..<sequence.len {
        try form.write(start + index * size, to: &bytes, in: location, names)
      }
    case .objectReference:
      Self.put(
        try Reference.object(element).target(location).flatMap { try names?[$0] }?.utf8.map { $0 }
          ?? [], &bytes)
    case .regionReference:
      let reference = Reference.region(element)
      let target = try reference.target(location)
      Self.put(try target.flatMap { try names?[$0] }?.utf8.map { $0 } ?? [], &bytes)
      Self.put(try target == nil ? [] : reference.selection(location), &bytes)
    }
  }

  private static func put<Bytes: Collection<UInt8>>(_ text: Bytes, _ bytes: inout [UInt8]) {
    bytes += withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    bytes += text
  }
}

/// A place of another object in the same file, as it lies in memory.
enum Reference {
  case object(UnsafeRawPointer)
  case region(UnsafeRawPointer)

  private var pointer: UnsafeRawPointer {
    switch self {
    case .object(let pointer), .region(let pointer): pointer
    }
  }

  private var kind: H5R_type_t {
    switch self {
    case .object: H5R_OBJECT
    case .region: H5R_DATASET_REGION
    }
  }

  /// Bytes it takes.
  var byteCount: Int {
    switch self {
    case .object: MemoryLayout<hobj_ref_t>.size
    case .region: Int(isotherm_region_reference_size())
    }
  }

  /// Where it leads; nil for one that leads nowhere.
  func target(_ location: hid_t) throws -> ObjectAddress? {
    let bytes = UnsafeRawBufferPointer(start: pointer, count: byteCount)
    guard bytes.contains(where: { $0 != 0 }) else { return nil }
    let value = H5Rdereference2(location, isotherm_plist_default(), kind, pointer)
    guard value >= 0 else {
      throw HDF5Error(.notReadable, "a reference leads to nothing; remove it, or mend the file")
    }
    let object = Identifier(value, closing: H5Oclose)
    var info = H5O_info_t()
    try check(H5Oget_info2(object.value, &info, isotherm_info_basic()), "cannot follow a reference")
    return ObjectAddress(file: UInt(info.fileno), address: info.addr)
  }

  /// What is selected in the dataset it leads to.
  func space(_ location: hid_t) throws -> Identifier {
    Identifier(
      try check(H5Rget_region(location, kind, pointer), "cannot follow a region reference"),
      closing: H5Sclose)
  }

  /// What is selected: how many elements, and between which places; blocks one by one where there are few.
  func selection(_ location: hid_t) throws -> [UInt8] {
    let space = try space(location)
    var numbers = [UInt64(H5Sget_select_type(space.value).rawValue.magnitude)]
    let count = H5Sget_select_npoints(space.value)
    numbers.append(UInt64(clamping: count))
    let rank = Int(H5Sget_simple_extent_ndims(space.value))
    if count > 0, rank > 0 {
      var (low, high) = ([hsize_t](repeating: 0, count: rank), [hsize_t](repeating: 0, count: rank))
      try check(
        H5Sget_select_bounds(space.value, &low, &high), "cannot read a region reference")
      numbers += (low + high).map { UInt64($0) }
      if H5Sget_select_type(space.value) == H5S_SEL_HYPERSLABS {
        let blocks = min(H5Sget_select_hyper_nblocks(space.value), 4096)
        var list = [hsize_t](repeating: 0, count: Int(blocks) * 2 * rank)
        try check(
          H5Sget_select_hyper_blocklist(space.value, 0, hsize_t(blocks), &list),
          "cannot read a region reference")
        numbers += list.map { UInt64($0) }
      } else if H5Sget_select_type(space.value) == H5S_SEL_POINTS {
        let points = min(count, 4096)
        var list = [hsize_t](repeating: 0, count: Int(points) * rank)
        try check(
          H5Sget_select_elem_pointlist(space.value, 0, hsize_t(points), &list),
          "cannot read a region reference")
        numbers += list.map { UInt64($0) }
      }
    }
    return numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
  }
}

extension Dataset {
  /// Hands over values of any type, some 4 MiB at a time, as bytes that are equal where the values are.
  ///
  /// References are told by what `names` calls their targets; without, they all look alike.
  public func forEachImage(_ names: ObjectNames? = nil, _ body: ([UInt8]) throws -> Void) throws {
    guard try !isNull else { return }
    let shape = try shape
    guard !shape.contains(0) else { return }
    let type = try HDF5Library.synchronized { () -> Identifier in
      let stored = Identifier(
        try check(H5Dget_type(identifier.value), "cannot read the type", file: file, path: path),
        closing: H5Tclose)
      return Identifier(
        try check(
          H5Tget_native_type(stored.value, H5T_DIR_DEFAULT), "cannot read values of this type",
          file: file, path: path, code: .mismatch), closing: H5Tclose)
    }
    let size = HDF5Library.synchronized { H5Tget_size(type.value) }
    let rowSize = shape.dropFirst().reduce(size) {
      $0.multipliedReportingOverflow(by: $1).partialValue
    }
    guard size <= 1 << 28, rowSize > 0, rowSize <= 1 << 30 else {
      throw HDF5Error(.mismatch, "rows of more than 1 GiB", file: file, path: path)
    }
    let rows = shape.first ?? 1
    let step = max(1, (4 << 20) / rowSize)
    for row in stride(from: 0, to: rows, by: step) {
      let count = shape.isEmpty ? [] : [min(step, rows - row)] + shape.dropFirst()
      let start = shape.isEmpty ? [] : [row] + shape.dropFirst().map { _ in 0 }
      try body(image(type, size, start, count, names))
    }
  }

  /// All strings as the bytes that are stored, also where they are not UTF-8, in C order; see ``readStrings()``.
  public func readTextBytes() throws -> [ArraySlice<UInt8>] {
    var texts: [ArraySlice<UInt8>] = []
    try forEachImage { bytes in
      var place = 0
      while place < bytes.count {
        let length = bytes.withUnsafeBytes {
          Int($0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        }
        texts.append(bytes[(place + 8)..<(place + 8 + length)])
        place += 8 + length
      }
    }
    return texts
  }

  /// Bytes of what ``forEachImage(_:_:)`` hands over for each element; nil when it varies.
  public var imageByteCount: Int? {
    get throws {
      try HDF5Library.synchronized {
        let stored = Identifier(H5Dget_type(identifier.value), closing: H5Tclose)
        let type = Identifier(
          try check(
            H5Tget_native_type(stored.value, H5T_DIR_DEFAULT), "cannot read values of this type",
            file: file, path: path, code: .mismatch), closing: H5Tclose)
        return try ValueForm(type.value).writtenByteCount
      }
    }
  }

  private func image(
    _ type: Identifier, _ size: Int, _ start: [Int], _ count: [Int], _ names: ObjectNames?
  ) throws -> [UInt8] {
    try HDF5Library.synchronized {
      if try isVirtual { try verifySources() }
      let source = try space()
      if !start.isEmpty { try Dataspace.select(source.value, start: start, count: count) }
      let memory = try Dataspace.simple(count)
      let elements = count.reduce(1, *)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: elements * size, alignment: 16)
      defer { buffer.deallocate() }
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
      guard let base = buffer.baseAddress else { return [] }
      let status = H5Dread(
        identifier.value, type.value, memory.value, source.value, isotherm_plist_default(), base)
      if status < 0, let missing = missingFilter() { throw missing }
      try check(
        status, "cannot read the values; the file may be damaged", file: file, path: path,
        code: .notReadable)
      let form = try ValueForm(type.value)
      defer {
        // It walks every element, also where there is nothing to give back.
        if form.writtenByteCount == nil {
          H5Dvlen_reclaim(type.value, memory.value, isotherm_plist_default(), base)
        }
      }
      return try form.image(base, elements, size, identifier.value, names)
    }
  }
}

extension ValueForm {
  /// Writes down elements that lie one after the other. Must run inside the lock.
  func image(
    _ base: UnsafeRawPointer, _ count: Int, _ size: Int, _ location: hid_t, _ names: ObjectNames?
  ) throws -> [UInt8] {
    if case .plain = self { return Array(UnsafeRawBufferPointer(start: base, count: count * size)) }
    var bytes: [UInt8] = []
    for index in 0..<count {
      try write(base + index * size, to: &bytes, in: location, names)
    }
    return bytes
  }
}
