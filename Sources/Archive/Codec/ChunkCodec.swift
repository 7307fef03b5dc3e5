import CDeflate
import HDF5

/// Filters a chunk as HDF5's own pipeline does (shuffle, gzip, fletcher32), so that stock libraries read it, but on
/// any thread: HDF5 compresses under its one lock.
public enum ChunkCodec {
  /// The stored bytes of a whole chunk of elements `elementSize` bytes long.
  public static func encode(
    _ raw: UnsafeRawBufferPointer, elementSize: Int, _ filters: DatasetCreation.Filters
  ) -> [UInt8] {
    encode(raw, elementSize: elementSize, filters) { Array($0) }
  }

  /// Hands the stored bytes of a whole chunk to `body`; they are gone when it returns.
  static func encode<Result>(
    _ raw: UnsafeRawBufferPointer, elementSize: Int, _ filters: DatasetCreation.Filters,
    _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    CodecScratch.with { scratch in
      // A stored block costs five bytes every 64 KiB; the two checksums and the header fourteen.
      scratch.reserve(raw.count + raw.count / 1000 + 1024 + 4)
      var bytes = raw
      let planes = filters.shuffle ? elementSize : 1
      if filters.shuffle && elementSize > 1 {
        shuffle(raw, elementSize, into: scratch.first)
        bytes = UnsafeRawBufferPointer(rebasing: scratch.first[..<raw.count])
      }
      if let level = filters.deflate {
        let count = deflate(bytes, level, planes: planes, scratch)
        bytes = UnsafeRawBufferPointer(rebasing: scratch.second[..<count])
      }
      guard filters.fletcher32 else { return body(bytes) }
      // Unfiltered bytes lie with the caller; the checksum goes behind a copy of them.
      if bytes.baseAddress != UnsafeRawPointer(scratch.second.baseAddress) {
        scratch.second.copyMemory(from: bytes)
      }
      scratch.second.storeBytes(
        of: fletcher32(bytes).littleEndian, toByteOffset: bytes.count, as: UInt32.self)
      return body(UnsafeRawBufferPointer(rebasing: scratch.second[..<(bytes.count + 4)]))
    }
  }

  /// Fills `target` with the elements of a stored chunk; false when its checksum or its compression is broken.
  ///
  /// A set bit in `filterMask` says that the filter of that number was left out for this chunk.
  static func decode(
    _ stored: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
    elementSize: Int, _ filters: DatasetCreation.Filters, filterMask: UInt32
  ) -> Bool {
    var bytes = stored
    let used = filters.used(filterMask)
    if used.fletcher32 {
      guard bytes.count >= 4 else { return false }
      let sum = bytes.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self)
      bytes = UnsafeRawBufferPointer(rebasing: bytes.dropLast(4))
      guard fletcher32(bytes) == UInt32(littleEndian: sum) else { return false }
    }
    let shuffled = used.shuffle && elementSize > 1
    return CodecScratch.with { scratch in
      if used.deflate != nil {
        if shuffled { scratch.reserve(target.count) }
        let place =
          shuffled
          ? UnsafeMutableRawBufferPointer(rebasing: scratch.first[..<target.count]) : target
        guard inflate(bytes, into: place, scratch) else { return false }
        if shuffled { unshuffle(UnsafeRawBufferPointer(place), elementSize, into: target) }
        return true
      }
      guard bytes.count == target.count else { return false }
      if shuffled {
        unshuffle(bytes, elementSize, into: target)
      } else {
        target.copyMemory(from: bytes)
      }
      return true
    }
  }

  /// Byte 0 of every element, then byte 1 of every element, and so on. Four bytes, the common case, as one word, which
  /// the compiler turns into vector code.
  static func shuffle(
    _ bytes: UnsafeRawBufferPointer, _ size: Int, into target: UnsafeMutableRawBufferPointer
  ) {
    guard let source = bytes.baseAddress, let out = target.baseAddress else { return }
    let count = bytes.count / size
    let planes = out.assumingMemoryBound(to: UInt8.self)
    if size == 4 {
      let (a, b) = (planes, planes + count)
      let (c, d) = (planes + 2 * count, planes + 3 * count)
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
        for i in 0..<count { planes[byte * count + i] = source[i * size + byte] }
      }
    }
    for i in count * size..<bytes.count { planes[i] = bytes[i] }
  }

  /// Undoes ``shuffle(_:_:into:)``.
  static func unshuffle(
    _ bytes: UnsafeRawBufferPointer, _ size: Int, into target: UnsafeMutableRawBufferPointer
  ) {
    guard let source = bytes.baseAddress, let out = target.baseAddress else { return }
    let count = bytes.count / size
    let planes = source.assumingMemoryBound(to: UInt8.self)
    if size == 4 {
      let (a, b) = (planes, planes + count)
      let (c, d) = (planes + 2 * count, planes + 3 * count)
      for i in 0..<count {
        let word = UInt32(a[i]) | UInt32(b[i]) << 8 | UInt32(c[i]) << 16 | UInt32(d[i]) << 24
        out.storeBytes(of: word, toByteOffset: 4 * i, as: UInt32.self)
      }
    } else {
      let out = out.assumingMemoryBound(to: UInt8.self)
      for byte in 0..<size {
        for i in 0..<count { out[i * size + byte] = planes[byte * count + i] }
      }
    }
    for i in count * size..<bytes.count { target[i] = planes[i] }
  }

  private static func inflate(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
    _ scratch: CodecScratch
  ) -> Bool {
    guard let inflater = scratch.inflater else { return false }
    var actual = 0
    let status = libdeflate_zlib_decompress(
      inflater, bytes.baseAddress, bytes.count, target.baseAddress, target.count, &actual)
    return status == LIBDEFLATE_SUCCESS && actual == target.count
  }

  // MARK: - Compression

  /// Compresses into `scratch.second`; returns the length.
  ///
  /// The low bytes of floating-point noise do not compress, and looking for matches in them takes most of the time.
  /// After the shuffle they come first, so leading planes that a sample shows to be noise go out as stored blocks, and
  /// libdeflate's stream of the rest follows on the byte boundary they end at: one ordinary zlib stream (RFC 1950,
  /// RFC 1951 section 3.2.4), written and read in about half the time.
  private static func deflate(
    _ bytes: UnsafeRawBufferPointer, _ level: Int, planes: Int, _ scratch: CodecScratch
  ) -> Int {
    let compressor = scratch.compressor(level)
    let out = scratch.second
    let stored = noise(bytes, planes, compressor, out)
    var place = 2
    // Deflate with a 32 KiB window; a level of "fastest", which no decoder looks at; a multiple of 31.
    out[0] = 0x78
    out[1] = 0x01
    for start in stride(from: 0, to: stored, by: 65535) {
      let count = min(65535, stored - start)
      out[place] = 0
      out.storeBytes(of: UInt16(count).littleEndian, toByteOffset: place + 1, as: UInt16.self)
      out.storeBytes(of: ~UInt16(count).littleEndian, toByteOffset: place + 3, as: UInt16.self)
      UnsafeMutableRawBufferPointer(rebasing: out[(place + 5)...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
      place += 5 + count
    }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[stored...])
    let target = UnsafeMutableRawBufferPointer(rebasing: out[place...])
    let count = libdeflate_deflate_compress(
      compressor, rest.baseAddress, rest.count, target.baseAddress, target.count - 8)
    precondition(count > 0, "scratch is larger than libdeflate's bound for stored blocks")
    place += count
    let sum = libdeflate_adler32(1, bytes.baseAddress, bytes.count)
    out.storeBytes(of: sum.bigEndian, toByteOffset: place, as: UInt32.self)
    return place + 4
  }

  /// Bytes of the leading planes of which a sample saves less than 2 %. The last plane is never among them.
  private static func noise(
    _ bytes: UnsafeRawBufferPointer, _ planes: Int, _ compressor: OpaquePointer,
    _ out: UnsafeMutableRawBufferPointer
  ) -> Int {
    let plane = bytes.count / max(planes, 1)
    let sample = min(16 << 10, plane / 4)
    guard planes > 1, sample >= 1 << 10 else { return 0 }
    for index in 0..<planes - 1 {
      let middle = index * plane + plane / 2
      // 0 says that the result did not fit: nothing was saved.
      let count = libdeflate_deflate_compress(
        compressor, bytes.baseAddress.map { $0 + middle }, sample, out.baseAddress,
        sample * 98 / 100)
      if count > 0 { return index * plane }
    }
    return (planes - 1) * plane
  }

  // MARK: - Checksum

  /// The checksum that HDF5 appends: Fletcher's over big-endian 16-bit words, modulo 65535.
  ///
  /// Words are added as they lie in memory: swapping the bytes of a word multiplies it by 256 modulo 65535, so swapping those
  /// of the sums is enough.
  static func fletcher32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let start = bytes.baseAddress else { return 0 }
    typealias Words = SIMD16<UInt32>
    let lanes = Words.scalarCount
    var (low, high) = (UInt64(0), UInt64(0))
    // Of anything but zero never zero, as HDF5's: 65535 stands for it.
    func fold(_ sum: UInt64) -> UInt64 {
      var sum = sum
      while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
      return sum
    }
    func add(_ word: UInt16) {
      low += UInt64(word)
      high += low
    }
    let words = bytes.count / 2
    var word = 0
    while words - word >= lanes {
      // In 32 bits, 360 vectors cannot overflow: 360 · 361 / 2 · 65535 < 2³².
      let vectors = min((words - word) / lanes, 360)
      var (sums, weighted) = (Words.zero, Words.zero)
      for vector in 0..<vectors {
        let place = 2 * (word + vector * lanes)
        sums &+= Words(
          truncatingIfNeeded: start.loadUnaligned(fromByteOffset: place, as: SIMD16<UInt16>.self))
        weighted &+= sums
      }
      // A word counts in `high` once for itself and for each word after it: in its lane by vectors, less its lane's number.
      let ahead = (0..<lanes).reduce(UInt64(0)) {
        $0 + UInt64(lanes) * UInt64(weighted[$1]) - UInt64($1) * UInt64(sums[$1])
      }
      high = fold(high + UInt64(vectors * lanes) * low + ahead)
      low = fold((0..<lanes).reduce(low) { $0 + UInt64(sums[$1]) })
      word += vectors * lanes
    }
    while word < words {
      add(start.loadUnaligned(fromByteOffset: 2 * word, as: UInt16.self))
      word += 1
    }
    // A last odd byte is the high one of its big-endian word.
    if bytes.count % 2 == 1 { add(UInt16(bytes[bytes.count - 1])) }
    let (first, second) = (UInt16(fold(low)).byteSwapped, UInt16(fold(high)).byteSwapped)
    return UInt32(second) << 16 | UInt32(first)
  }
}

extension DatasetCreation.Filters {
  /// Those that were used for a chunk with this mask: filters are numbered in the order they are applied.
  fileprivate func used(_ mask: UInt32) -> DatasetCreation.Filters {
    var (used, number) = (self, UInt32(0))
    func isLeftOut() -> Bool {
      defer { number += 1 }
      return mask & (1 << number) != 0
    }
    if shuffle, isLeftOut() { used.shuffle = false }
    if deflate != nil, isLeftOut() { used.deflate = nil }
    if fletcher32, isLeftOut() { used.fletcher32 = false }
    return used
  }
}
