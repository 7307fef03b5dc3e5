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
      final class Found { var name: String? }
      return try (0..<shape.count).map { axis in
        let found = Found()
        H5DSiterate_scales(
          identifier.value, UInt32(axis), nil,
          { _, _, scale, data in
            guard let data else { return 0 }
            let length = H5Iget_name(scale, nil, 0)
            guard length > 0 else { return 1 }
            var bytes = [CChar](repeating: 0, count: length + 1)
            H5Iget_name(scale, &bytes, bytes.count)
            Unmanaged<Found>.fromOpaque(data).takeUnretainedValue().name = string(bytes)
            return 1
          }, Unmanaged.passUnretained(found).toOpaque())
        return found.name.map { String($0.split(separator: "/").last ?? "") }
      }
    }
  }
}
