import Arrays
import CHDF5

/// Which values somebody wrote.
///
/// The library gives the fill value, and no error, for a chunk that is not in the file. A dataset in one piece counts as one chunk; values
/// in other files count as written.
extension Dataset {
  /// First element of the first chunk of a block that was never written; nil when all of it was.
  public func firstUnwritten(start: [Int]? = nil, count: [Int]? = nil) throws -> [Int]? {
    try HDF5Library.synchronized {
      let pieces = try pieces()
      return try firstPiece(
        pieces, isStored: false, start ?? pieces.shape.map { _ in 0 }, count ?? pieces.shape)
    }
  }

  /// First element of the first chunk of this dataset that was never written here and, at least in part, was in `other`, of the same shape;
  /// nil when there is none. Takes a look at each chunk.
  public func firstUnwritten(writtenIn other: Dataset) throws -> [Int]? {
    try HDF5Library.synchronized {
      let (own, others) = (try pieces(), try other.pieces())
      let (shape, first) = (own.shape, own.shape.map { _ in 0 })
      guard !shape.contains(0) else { return nil }
      var offset = first
      repeat {
        let count = shape.indices.map { min(own.lengths[$0], shape[$0] - offset[$0]) }
        if try !isStored(own, offset),
          try other.firstPiece(others, isStored: true, offset, count) != nil
        {
          return offset
        }
      } while Self.advance(&offset, by: own.lengths, from: first, upTo: shape)
      return nil
    }
  }

  /// How the values lie in the file.
  private struct Pieces {
    let shape: [Int]
    /// Lengths of a chunk; those of the whole where there are none.
    let lengths: [Int]
    /// Whether the whole was written, where it lies in one piece; nil for chunks.
    let isWholeStored: Bool?
  }

  private func pieces() throws -> Pieces {
    let (shape, list) = (try shape, try creationList())
    let kind = H5Pget_layout(list.value)
    if kind == H5D_CHUNKED, let chunk = try layout?.chunk {
      return Pieces(shape: shape, lengths: chunk, isWholeStored: nil)
    }
    let isMissing =
      kind == H5D_CONTIGUOUS && H5Pget_external_count(list.value) == 0
      && H5Dget_storage_size(identifier.value) == 0
    return Pieces(shape: shape, lengths: shape, isWholeStored: !isMissing)
  }

  private func isStored(_ pieces: Pieces, _ offset: [Int]) throws -> Bool {
    try pieces.isWholeStored ?? isChunkStored(offset)
  }

  private func firstPiece(
    _ pieces: Pieces, isStored wanted: Bool, _ start: [Int], _ count: [Int]
  ) throws -> [Int]? {
    guard !pieces.shape.contains(0), !count.contains(0) else { return nil }
    if let isWholeStored = pieces.isWholeStored { return isWholeStored == wanted ? start : nil }
    let first = zip(start, pieces.lengths).map { $0 / $1 * $1 }
    let end = zip(start, count).map { $0 + $1 }
    var offset = first
    repeat {
      if try isChunkStored(offset) == wanted { return offset }
    } while Self.advance(&offset, by: pieces.lengths, from: first, upTo: end)
    return nil
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
