import CHDF5

/// Dimension scales (HDF5 Dimension Scale Specification): the labels of axes that netCDF-4 and xarray read.
extension Dataset {
  /// Whether this dataset labels an axis of others.
  public var isScale: Bool { HDF5Library.synchronized { H5DSis_scale(identifier.value) > 0 } }

  /// Makes this one-dimensional dataset a scale called `name`.
  public func makeScale(_ name: String) throws {
    try HDF5Library.synchronized {
      _ = try check(
        H5DSset_scale(identifier.value, name), "cannot make a scale", file: file, path: path)
    }
  }

  /// What netCDF-4 calls a scale that is a name and a length only. Readers of netCDF go by these words.
  static let bareScaleName = "This is a netCDF dimension but not a netCDF variable."

  /// Makes this one-dimensional dataset, to which no value was written, a scale that readers of netCDF take for a dimension
  /// without coordinates. Its name is that of the dataset.
  public func makeBareScale() throws {
    let length = String(try shape.first ?? 0)
    let padding = String(repeating: " ", count: max(0, 10 - length.count))
    try makeScale(Self.bareScaleName + padding + length)
  }

  /// Whether this is a scale without values.
  public var isBareScale: Bool {
    get throws {
      try isScale && attribute("NAME")?.text?.hasPrefix(Self.bareScaleName.dropLast()) == true
    }
  }

  /// Labels axis `axis` with `scale`, which must lie in the same group, or xarray cannot open the group.
  public func attach(_ scale: Dataset, axis: Int) throws {
    try HDF5Library.synchronized {
      _ = try check(
        H5DSattach_scale(identifier.value, scale.identifier.value, UInt32(axis)),
        "cannot label axis \(axis) with \(scale.path)", file: file, path: path)
    }
  }

  /// Name of the first scale of each axis; nil where an axis has none.
  public func axisNames() throws -> [String?] {
    try HDF5Library.synchronized {
      let group = String(path[...(path.lastIndex(of: "/") ?? path.startIndex)])
      return try (0..<shape.count).map { axis in
        let search = ScaleSearch(group: group)
        H5DSiterate_scales(
          identifier.value, UInt32(axis), nil,
          { _, _, scale, data in
            guard let data else { return 0 }
            Unmanaged<ScaleSearch>.fromOpaque(data).takeUnretainedValue().found(scale)
            return 1
          }, Unmanaged.passUnretained(search).toOpaque())
        return search.name
      }
    }
  }
}

/// Finds out what a scale that was reached by its address is called.
private final class ScaleSearch {
  private let group: String
  private(set) var name: String?

  init(group: String) { self.group = group }

  func found(_ scale: hid_t) {
    // The library finds a path by walking the whole file. A scale that says its name and lies in the same group by that
    // name, as ours do, needs no search.
    if let stated = text({ H5DSget_scale_name(scale, $0, $1) }),
      let address = address({ H5Oget_info2(scale, &$0, isotherm_info_basic()) }),
      address
        == self.address({
          H5Oget_info_by_name2(
            scale, group + stated, &$0, isotherm_info_basic(), isotherm_plist_default())
        })
    {
      name = stated
    } else if let path = text({ H5Iget_name(scale, $0, $1) }) {
      name = String(path.split(separator: "/").last ?? "")
    }
  }

  private func text(_ read: (UnsafeMutablePointer<CChar>?, Int) -> Int) -> String? {
    let length = read(nil, 0)
    guard length > 0 else { return nil }
    var bytes = [CChar](repeating: 0, count: length + 1)
    _ = read(&bytes, bytes.count)
    return string(bytes)
  }

  private func address(_ read: (inout H5O_info_t) -> herr_t) -> haddr_t? {
    var info = H5O_info_t()
    return read(&info) >= 0 ? info.addr : nil
  }
}
