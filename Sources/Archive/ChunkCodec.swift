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

  /// Byte 0 of every element, then byte 1 of every element, and so on.
  static func shuffle(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
    let count = bytes.count / size
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { out, initialized in
      bytes.withUnsafeBufferPointer { source in
        for byte in 0..<size {
          for i in 0..<count { out[byte * count + i] = source[i * size + byte] }
        }
        for i in count * size..<bytes.count { out[i] = source[i] }
      }
      initialized = bytes.count
    }
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
