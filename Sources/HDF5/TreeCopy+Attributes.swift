import CHDF5

extension TreeCopy {
  /// An open object of any kind.
  private struct Opened: Identified {
    let identifier: Identifier
    let file: String
    let path: String
  }

  /// Labels that ``finish()`` makes anew, since they hold addresses.
  private static let scaleLabels: Set<StoredName> = [
    StoredName("DIMENSION_LIST"), StoredName("REFERENCE_LIST"),
  ]

  /// Writes the attributes of everything that was copied, its references to other objects, and the labels of its axes.
  /// - Throws: ``HDF5Error`` naming what cannot be carried over: a reference to something that was not copied, or one
  ///   inside of a compound or a sequence.
  public func finish() throws {
    for image in images {
      try HDF5Library.synchronized {
        let (from, to) = (try openSource(image), try openTarget(image))
        for attribute in try Attribute.all(from) {
          let name = try Attribute.name(attribute)
          if Self.scaleLabels.contains(name) || image.leavingOut.contains(name) { continue }
          try copy(attribute, name, from, to)
        }
        if image.kind == .dataset { try copyReferences(from, to) }
      }
    }
    for image in images where image.kind == .dataset {
      try HDF5Library.synchronized { try attachScales(openSource(image), openTarget(image)) }
    }
  }

  private func openSource(_ image: Image) throws -> Opened {
    Opened(
      identifier: Identifier(
        try check(
          H5Oopen_by_addr(source.identifier.value, image.source.address), "cannot open it again",
          file: source.file, path: image.path, code: .notReadable), closing: H5Oclose),
      file: source.file, path: image.path)
  }

  private func openTarget(_ image: Image) throws -> Opened {
    Opened(
      identifier: Identifier(
        try image.target.withCString {
          try check(
            H5Oopen(target.identifier.value, $0, isotherm_plist_default()), "cannot open it again",
            file: target.file, path: image.target.shown)
        }, closing: H5Oclose), file: target.file, path: image.target.shown)
  }

  private func copy(
    _ attribute: Identifier, _ name: StoredName, _ from: Opened, _ to: Opened
  ) throws {
    let place = "\(from.file):\(from.path)@\(name.shown)"
    let stored = Identifier(
      try check(H5Aget_type(attribute.value), "cannot read the type", path: place),
      closing: H5Tclose)
    // A type that has a name in the source is none of the target's.
    let type = Identifier(
      try check(H5Tcopy(stored.value), "cannot copy the type", path: place), closing: H5Tclose)
    let space = Identifier(
      try check(H5Aget_space(attribute.value), "cannot read the shape", path: place),
      closing: H5Sclose)
    let list = Identifier(
      try check(H5Aget_create_plist(attribute.value), "cannot copy an attribute", path: place),
      closing: H5Pclose)
    let made = Identifier(
      try name.withCString {
        try check(
          H5Acreate2(
            to.identifier.value, $0, type.value, space.value, list.value, isotherm_plist_default()),
          "cannot make the attribute", path: "\(to.file):\(to.path)@\(name.shown)")
      }, closing: H5Aclose)
    guard H5Sget_simple_extent_type(space.value) != H5S_NULL else { return }
    let count = Int(H5Sget_simple_extent_npoints(space.value))
    guard count > 0 else { return }
    let size = H5Tget_size(type.value)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count * size, alignment: 16)
    defer { buffer.deallocate() }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    guard let base = buffer.baseAddress else { return }
    try check(
      H5Aread(attribute.value, stored.value, base), "cannot read the attribute", path: place,
      code: .notReadable)
    defer { H5Dvlen_reclaim(stored.value, space.value, isotherm_plist_default(), base) }
    try translate(base, count, StoredType(type.value), from, place)
    try check(H5Awrite(made.value, type.value, base), "cannot write the attribute", path: place)
  }

  /// Turns references into the source to references into the target.
  private func translate(
    _ base: UnsafeMutableRawPointer, _ count: Int, _ type: StoredType, _ from: Opened,
    _ place: String
  ) throws {
    guard !type.hidesReferences else {
      throw HDF5Error(
        .mismatch,
        "holds references inside of a \(type), which cannot be carried to another file; "
          + "leave it out with --select, or remove it", path: place)
    }
    guard type == .objectReference || type == .regionReference else { return }
    for index in 0..<count {
      let isRegion = type == .regionReference
      let size =
        isRegion
        ? Reference.region(base).byteCount : Reference.object(base).byteCount
      let element = base + index * size
      let reference = isRegion ? Reference.region(element) : .object(element)
      guard let address = try reference.target(from.identifier.value) else { continue }
      guard let name = places[address] else {
        throw HDF5Error(
          .mismatch, "refers to an object that is not copied; keep that too, or leave this out",
          path: place)
      }
      let space = isRegion ? try reference.space(from.identifier.value) : nil
      try name.withCString {
        _ = try check(
          H5Rcreate(
            element, target.identifier.value, $0, isRegion ? H5R_DATASET_REGION : H5R_OBJECT,
            space?.value ?? -1), "cannot refer to \(name.shown)", path: place)
      }
    }
  }

  /// The values of a dataset of references: HDF5 copies them as zeros.
  private func copyReferences(_ from: Opened, _ to: Opened) throws {
    let type = Identifier(
      try check(H5Dget_type(from.identifier.value), "cannot read the type", path: from.path),
      closing: H5Tclose)
    let kind = try StoredType(type.value)
    let place = "\(from.file):\(from.path)"
    guard kind == .objectReference || kind == .regionReference || kind.hidesReferences else {
      return
    }
    let space = Identifier(
      try check(H5Dget_space(from.identifier.value), "cannot read the shape", path: place),
      closing: H5Sclose)
    guard H5Sget_simple_extent_type(space.value) != H5S_NULL else { return }
    let count = Int(H5Sget_simple_extent_npoints(space.value))
    guard count > 0 else { return }
    let size = H5Tget_size(type.value)
    var bytes = [UInt8](repeating: 0, count: count * size)
    try bytes.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      if !kind.hidesReferences {
        try check(
          H5Dread(
            from.identifier.value, type.value, isotherm_space_all(), isotherm_space_all(),
            isotherm_plist_default(), base), "cannot read the references", path: place,
          code: .notReadable)
      }
      try translate(base, count, kind, from, place)
      try check(
        H5Dwrite(
          to.identifier.value, type.value, isotherm_space_all(), isotherm_space_all(),
          isotherm_plist_default(), base), "cannot write the references", path: place)
    }
  }

  private func attachScales(_ from: Opened, _ to: Opened) throws {
    for (axis, scales) in try Dataset.scales(of: from.identifier.value).enumerated() {
      for address in scales {
        guard let name = places[address] else {
          throw HDF5Error(
            .mismatch, "axis \(axis) is labelled by an object that is not copied; keep that too",
            file: from.file, path: from.path)
        }
        let scale = Identifier(
          try name.withCString {
            try check(
              H5Oopen(target.identifier.value, $0, isotherm_plist_default()),
              "cannot open the scale", file: to.file, path: name.shown)
          }, closing: H5Oclose)
        try check(
          H5DSattach_scale(to.identifier.value, scale.value, UInt32(axis)),
          "cannot label axis \(axis) with \(name.shown)", file: from.file, path: from.path)
      }
    }
  }
}

extension Dataset {
  /// Where the scales of each axis lie; none where an axis has no label.
  public func scaleAddresses() throws -> [[ObjectAddress]] {
    try HDF5Library.synchronized { try Dataset.scales(of: identifier.value) }
  }

  /// See ``scaleAddresses()``. Must run inside the lock.
  static func scales(of dataset: hid_t) throws -> [[ObjectAddress]] {
    final class Found { var scales: [ObjectAddress] = [] }
    let space = Identifier(
      try check(H5Dget_space(dataset), "cannot read the shape"), closing: H5Sclose)
    let rank = try check(H5Sget_simple_extent_ndims(space.value), "cannot read the shape")
    guard H5Aexists(dataset, "DIMENSION_LIST") > 0 else {
      return [[ObjectAddress]](repeating: [], count: Int(rank))
    }
    return try (0..<rank).map { axis in
      let found = Found()
      try check(
        H5DSiterate_scales(
          dataset, UInt32(axis), nil,
          { _, _, scale, data in
            var info = H5O_info_t()
            guard let data, H5Oget_info2(scale, &info, isotherm_info_basic()) >= 0 else {
              return -1
            }
            Unmanaged<Found>.fromOpaque(data).takeUnretainedValue().scales.append(
              ObjectAddress(file: UInt(info.fileno), address: info.addr))
            return 0
          }, Unmanaged.passUnretained(found).toOpaque()),
        "axis \(axis) is labelled by an object that is not there; remove the attribute DIMENSION_LIST",
        code: .notReadable)
      return found.scales
    }
  }
}
