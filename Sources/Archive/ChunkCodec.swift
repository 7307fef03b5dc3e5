import CDeflate
import HDF5

/// Filters a chunk as HDF5's own pipeline does (shuffle, gzip, fletcher32), so that stock libraries read it, but on
/// any thread: HDF5 compresses under its one lock.
public enum ChunkCodec {
  /// The stored bytes of a whole chunk of elements `elementSize` bytes long.
  public static func encode(
    _ raw: UnsafeRawBufferPointer, elementSize: Int, _ filters: DatasetCreation.Filters
  ) -> [UInt8] {
    var bytes = Array(raw)
    if filters.shuffle && elementSize > 1 { bytes = shuffle(bytes, elementSize) }
    if let level = filters.deflate { bytes = deflate(bytes, level) }
    if filters.fletcher32 {
      let sum = bytes.withUnsafeBytes { fletcher32($0) }
      withUnsafeBytes(of: sum.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// The elements of a stored chunk, `byteCount` bytes; nil when its checksum or its compression is broken.
  ///
  /// A set bit in `filterMask` says that the filter of that number was left out for this chunk.
  static func decode(
    _ stored: [UInt8], byteCount: Int, elementSize: Int, _ filters: DatasetCreation.Filters,
    filterMask: UInt32
  ) -> [UInt8]? {
    var bytes = stored[...]
    var present: [String] = []
    if filters.shuffle { present.append("shuffle") }
    if filters.deflate != nil { present.append("deflate") }
    if filters.fletcher32 { present.append("fletcher32") }
    let used = Set(
      present.enumerated().filter { filterMask & (1 << UInt32($0.offset)) == 0 }
        .map(\.element))
    if used.contains("fletcher32") {
      guard bytes.count >= 4 else { return nil }
      let sum = bytes.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      bytes = bytes.dropLast(4)
      guard bytes.withUnsafeBytes({ fletcher32($0) }) == sum else { return nil }
    }
    var result: [UInt8]
    if used.contains("deflate") {
      guard let inflated = inflate(bytes, byteCount) else { return nil }
      result = inflated
    } else {
      result = Array(bytes)
    }
    guard result.count == byteCount else { return nil }
    if used.contains("shuffle"), elementSize > 1 { result = unshuffle(result, elementSize) }
    return result
  }

  /// Byte 0 of every element, then byte 1 of every element, and so on. Four bytes, the common case, as one word, which
  /// the compiler turns into vector code.
  static func shuffle(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
    let count = bytes.count / size
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { out, initialized in
      initialized = bytes.count
      bytes.withUnsafeBytes { source in
        guard let out = out.baseAddress, let source = source.baseAddress else { return }
        if size == 4 {
          let (a, b, c, d) = (out, out + count, out + 2 * count, out + 3 * count)
          for i in 0..<count {
            let word = source.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
            a[i] = UInt8(truncatingIfNeeded: word)
            b[i] = UInt8(truncatingIfNeeded: word >> 8)
            c[i] = UInt8(truncatingIfNeeded: word >> 16)
            d[i] = UInt8(truncatingIfNeeded: word >> 24)
          }
        } else {
          let source = source.assumingMemoryBound(to: UInt8.self)
          for byte in 0..<size {
            for i in 0..<count { out[byte * count + i] = source[i * size + byte] }
          }
        }
        let rest = source.assumingMemoryBound(to: UInt8.self)
        for i in count * size..<bytes.count { out[i] = rest[i] }
      }
    }
  }

  /// Undoes ``shuffle(_:_:)``.
  static func unshuffle(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
    let count = bytes.count / size
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { out, initialized in
      initialized = bytes.count
      bytes.withUnsafeBufferPointer { source in
        guard let out = out.baseAddress, let source = source.baseAddress else { return }
        if size == 4 {
          let (a, b, c, d) = (source, source + count, source + 2 * count, source + 3 * count)
          let target = UnsafeMutableRawPointer(out)
          for i in 0..<count {
            let word = UInt32(a[i]) | UInt32(b[i]) << 8 | UInt32(c[i]) << 16 | UInt32(d[i]) << 24
            target.storeBytes(of: word, toByteOffset: 4 * i, as: UInt32.self)
          }
        } else {
          for byte in 0..<size {
            for i in 0..<count { out[i * size + byte] = source[byte * count + i] }
          }
        }
        for i in count * size..<bytes.count { out[i] = source[i] }
      }
    }
  }

  private static func inflate(_ bytes: ArraySlice<UInt8>, _ count: Int) -> [UInt8]? {
    guard let decompressor = libdeflate_alloc_decompressor() else { return nil }
    defer { libdeflate_free_decompressor(decompressor) }
    var isWhole = false
    let result = [UInt8](unsafeUninitializedCapacity: count) { out, initialized in
      var actual = 0
      let status = bytes.withUnsafeBytes {
        libdeflate_zlib_decompress(
          decompressor, $0.baseAddress, $0.count, out.baseAddress, count, &actual)
      }
      isWhole = status == LIBDEFLATE_SUCCESS && actual == count
      initialized = isWhole ? count : 0
    }
    return isWhole ? result : nil
  }

  private static func deflate(_ bytes: [UInt8], _ level: Int) -> [UInt8] {
    guard let compressor = libdeflate_alloc_compressor(Int32(level)) else {
      preconditionFailure("libdeflate has no level \(level), or memory is exhausted")
    }
    defer { libdeflate_free_compressor(compressor) }
    let bound = libdeflate_zlib_compress_bound(compressor, bytes.count)
    return [UInt8](unsafeUninitializedCapacity: bound) { out, initialized in
      initialized = libdeflate_zlib_compress(
        compressor, bytes, bytes.count, out.baseAddress, bound)
    }
  }

  /// The checksum that HDF5 appends: Fletcher's over big-endian 16-bit words, folded every 360 words so that the
  /// sums cannot overflow.
  static func fletcher32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var (low, high) = (UInt32(0), UInt32(0))
    func fold(_ sum: UInt32) -> UInt32 { (sum & 0xFFFF) + (sum >> 16) }
    let words = bytes.count / 2
    var word = 0
    while word < words {
      let end = min(word + 360, words)
      while word < end {
        low &+= UInt32(bytes[2 * word]) << 8 | UInt32(bytes[2 * word + 1])
        high &+= low
        word += 1
      }
      (low, high) = (fold(low), fold(high))
    }
    if bytes.count % 2 == 1 {
      low &+= UInt32(bytes[bytes.count - 1]) << 8
      high &+= low
      (low, high) = (fold(low), fold(high))
    }
    return fold(high) << 16 | fold(low)
  }
}
