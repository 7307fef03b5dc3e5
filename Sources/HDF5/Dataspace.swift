import CHDF5

/// Shapes and selections. Must be used inside the lock.
enum Dataspace {
  /// A space of this shape; nil in `maximum` for an axis without end.
  static func simple(_ shape: [Int], maximum: [Int?]? = nil) throws -> Identifier {
    if shape.isEmpty {
      return Identifier(
        try check(H5Screate(H5S_SCALAR), "cannot make a scalar"), closing: H5Sclose)
    }
    let now = shape.map { hsize_t($0) }
    let most = (maximum ?? shape.map { $0 }).map { $0.map { hsize_t($0) } ?? isotherm_unlimited() }
    return Identifier(
      try check(H5Screate_simple(Int32(shape.count), now, most), "cannot make a shape \(shape)"),
      closing: H5Sclose)
  }

  /// Selects the block of `count` elements an axis that begins at `start`.
  static func select(_ space: hid_t, start: [Int], count: [Int]) throws {
    try check(
      H5Sselect_hyperslab(
        space, H5S_SELECT_SET, start.map { hsize_t($0) }, nil, count.map { hsize_t($0) }, nil),
      "cannot select \(count) at \(start)")
  }

  /// Lengths of the axes.
  static func shape(_ space: hid_t) throws -> [Int] {
    let rank = try check(H5Sget_simple_extent_ndims(space), "cannot read a shape")
    var shape = [hsize_t](repeating: 0, count: Int(rank))
    if rank > 0 {
      try check(H5Sget_simple_extent_dims(space, &shape, nil), "cannot read a shape")
    }
    return shape.map { Int(clamping: $0) }
  }
}
