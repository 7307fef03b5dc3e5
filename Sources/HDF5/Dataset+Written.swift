import Arrays
import CHDF5

/// Which values somebody wrote.
///
/// The library gives the fill value, and no error, for a chunk that is not in the file. A dataset in one piece counts as one chunk; values
/// in other files count as written.
extension Dataset {
  /// First element of the first chunk of a block that was never written; nil when all of it was.
  public func firstUnwritten(start: [Int]? = nil, count: [Int]? = nil) throws -> [Int]? {
    try firstChunk(isStored: false, start, count)
  }

  /// First element of the first chunk of this dataset that was never written here and, at least in part, was in `other`, of the same shape;
  /// nil when there is none.
  public func firstUnwritten(writtenIn other: Dataset) throws -> [Int]? {
    guard try firstUnwritten() != nil else { return nil }
    let shape = try shape
    let chunk = try layout?.chunk ?? shape
    var offset = shape.map { _ in 0 }
    repeat {
      let count = shape.indices.map { min(chunk[$0], shape[$0] - offset[$0]) }
      if try firstUnwritten(start: offset, count: count) != nil,
        try other.firstChunk(isStored: true, offset, count) != nil
      {
        return offset
      }
    } while Self.advance(&offset, by: chunk, from: shape.map { _ in 0 }, upTo: shape)
    return nil
  }

  private func firstChunk(isStored: Bool, _ start: [Int]?, _ count: [Int]?) throws -> [Int]? {
    try HDF5Library.synchronized {
      let shape = try shape
      let (start, count) = (start ?? shape.map { _ in 0 }, count ?? shape)
      guard !shape.contains(0), !count.contains(0) else { return nil }
      let list = try creationList()
      let kind = H5Pget_layout(list.value)
      guard kind == H5D_CHUNKED, let chunk = try layout?.chunk else {
        let isMissing =
          kind == H5D_CONTIGUOUS && H5Pget_external_count(list.value) == 0
          && H5Dget_storage_size(identifier.value) == 0
        return isMissing == isStored ? nil : start
      }
      let first = zip(start, chunk).map { $0 / $1 * $1 }
      var offset = first
      repeat {
        if try isChunkStored(offset) == isStored { return offset }
      } while Self.advance(&offset, by: chunk, from: first, upTo: zip(start, count).map { $0 + $1 })
      return nil
    }
  }

  /// Moves on to the next chunk in C order; false past the last.
  private static func advance(
    _ offset: inout [Int], by chunk: [Int], from first: [Int], upTo end: [Int]
  ) -> Bool {
    for axis in offset.indices.reversed() {
      offset[axis] += chunk[axis]
      if offset[axis] < end[axis] { return true }
      offset[axis] = first[axis]
    }
    return false
  }

  /// Whether the chunk that begins at `offset` was ever written. Its size alone does not tell: without filters the library gives that
  /// of any chunk. Must run inside the lock.
  func isChunkStored(_ offset: [Int]) throws -> Bool {
    var (mask, address, size) = (UInt32(0), haddr_t(0), hsize_t(0))
    try check(
      H5Dget_chunk_info_by_coord(
        identifier.value, offset.map { hsize_t($0) }, &mask, &address, &size),
      "cannot look up a chunk; the file may be damaged", file: file, path: path,
      code: .notReadable)
    return address != isotherm_no_address() && size > 0
  }
}
