import CHDF5

/// Chunks as they lie in the file, past the filter pipeline.
extension Dataset {
  /// Writes one chunk that is already filtered. `offset` is the chunk's first element; `bytes` the whole chunk,
  /// also at the edge of the dataset.
  public func writeChunk(_ bytes: UnsafeRawBufferPointer, offset: [Int], filterMask: UInt32 = 0)
    throws
  {
    try HDF5Library.synchronized {
      _ = try check(
        H5Dwrite_chunk(
          identifier.value, isotherm_plist_default(), filterMask, offset.map { hsize_t($0) },
          bytes.count, bytes.baseAddress), "cannot write a chunk; the disk may be full",
        file: file, path: path)
    }
  }

  /// Reads one chunk as it is stored; nil when it was never written. A set bit in `filterMask` says that the
  /// filter of that number was skipped for the chunk.
  public func readChunk(offset: [Int]) throws -> (bytes: [UInt8], filterMask: UInt32)? {
    var bytes: [UInt8] = []
    let found = try readChunk(offset: offset) { size, read in
      bytes = try [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
        try read(UnsafeMutableRawBufferPointer(buffer))
        initialized = size
      }
    }
    return found.map { (bytes, $0) }
  }

  /// Reads one chunk as it is stored into memory of the caller's: `body` is told its size and calls `read` with as much
  /// memory. Returns the filter mask; nil, without calling `body`, when the chunk was never written.
  public func readChunk(
    offset: [Int],
    _ body: (_ size: Int, _ read: (UnsafeMutableRawBufferPointer) throws -> Void) throws -> Void
  ) throws -> UInt32? {
    try HDF5Library.synchronized {
      let place = offset.map { hsize_t($0) }
      var size = hsize_t(0)
      guard try isChunkStored(offset) else { return nil }
      try check(
        H5Dget_chunk_storage_size(identifier.value, place, &size), "cannot look up a chunk",
        file: file, path: path, code: .notReadable)
      guard size <= 1 << 32 else {
        throw HDF5Error(
          .notReadable, "a chunk claims \(size) bytes; the file is damaged", file: file,
          path: path)
      }
      var mask: UInt32 = 0
      try body(Int(size)) { buffer in
        precondition(buffer.count >= Int(size), "the chunk has \(size) bytes")
        try check(
          H5Dread_chunk(
            identifier.value, isotherm_plist_default(), place, &mask, buffer.baseAddress),
          "cannot read a chunk; the file may be damaged", file: file, path: path,
          code: .notReadable)
      }
      return mask
    }
  }
}
