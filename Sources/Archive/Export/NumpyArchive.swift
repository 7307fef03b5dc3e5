import Arrays
import CDeflate

/// NumPy's `.npz`: a zip of `.npy` members, stored as they are, with 64-bit sizes (zip64), so that members may be of any
/// length. Formats: NumPy's `numpy.lib.format`; PKWARE's APPNOTE.
enum NumpyArchive {
  private struct Member {
    let region: ArchiveExport.Region
    let name: [UInt8]
    let start: Int
    let count: Int
    let checksum: UInt32
  }

  static func write(
    _ items: [ArchiveExport.Item], to out: OutputFile
  ) throws -> [ArchiveExport.Region] {
    var members: [Member] = []
    for item in items { members.append(try write(item, to: out)) }
    let start = out.count
    for member in members { try out.write(entry(member)) }
    try writeEnd(start, members.count, to: out)
    return members.map(\.region)
  }

  private static func write(_ item: ArchiveExport.Item, to out: OutputFile) throws -> Member {
    let header = try numpyHeader(item)
    let name = Array("\(item.name).npy".utf8)
    let start = out.count
    let widening = item.type == .bfloat16 ? 2 : 1
    let count = header.count + item.byteCount * widening
    func local(_ checksum: UInt32) -> [UInt8] {
      [0x50, 0x4B, 3, 4] + fields(checksum) + name.count.littleEndianBytes(2) + [20, 0] + name
        + [1, 0, 16, 0] + count.littleEndianBytes(8) + count.littleEndianBytes(8)
    }
    try out.write(local(0))
    var checksum = UInt32(0)
    let region = RegionWriter(item, out)
    func put(_ bytes: UnsafeRawBufferPointer) throws {
      checksum = libdeflate_crc32(checksum, bytes.baseAddress, bytes.count)
      try region.write(bytes)
    }
    try header.withUnsafeBytes(put)
    try item.forEachBlock {
      region.note($0)
      if item.type == .bfloat16 {
        try widened($0).withUnsafeBytes(put)
      } else {
        try put($0)
      }
    }
    let written = region.region()
    try out.patch(local(checksum), at: start)
    return Member(
      region: written, name: name, start: start, count: count, checksum: checksum)
  }

  /// Version, flags (names are UTF-8), stored, the zip epoch as date, checksum, and sizes that say "see zip64".
  private static func fields(_ checksum: UInt32) -> [UInt8] {
    [45, 0, 0, 8, 0, 0, 0, 0, 0x21, 0] + checksum.littleEndianBytes(4)
      + [UInt8](repeating: 0xFF, count: 8)
  }

  private static func entry(_ member: Member) -> [UInt8] {
    [0x50, 0x4B, 1, 2, 45, 0] + fields(member.checksum) + member.name.count.littleEndianBytes(2)
      + [28, 0] + [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 0xFF, 0xFF] + member.name
      + [1, 0, 24, 0] + member.count.littleEndianBytes(8) + member.count.littleEndianBytes(8)
      + member.start.littleEndianBytes(8)
  }

  private static func writeEnd(_ start: Int, _ count: Int, to out: OutputFile) throws {
    let (end, size) = (out.count, out.count - start)
    // The zip64 end, its locator, and the old end whose fields all say "see zip64".
    try out.write(
      [0x50, 0x4B, 6, 6] + 44.littleEndianBytes(8) + [45, 0, 45, 0] + 0.littleEndianBytes(8)
        + count.littleEndianBytes(8) + count.littleEndianBytes(8) + size.littleEndianBytes(8)
        + start.littleEndianBytes(8))
    try out.write(
      [0x50, 0x4B, 6, 7] + 0.littleEndianBytes(4) + end.littleEndianBytes(8)
        + 1.littleEndianBytes(4))
    try out.write(
      [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 12) + [0, 0])
  }

  private static func numpyHeader(_ item: ArchiveExport.Item) throws -> [UInt8] {
    let shape = item.shape.map { "\($0)," }.joined(separator: " ")
    var text =
      "{'descr': '\(try descriptor(item.type, item.name))', 'fortran_order': False, 'shape': (\(shape)), }"
    // Magic, version, length and header together end on 64 bytes.
    while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
    text += "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + text.utf8.count.littleEndianBytes(2)
      + Array(text.utf8)
  }

  private static func descriptor(_ type: ElementType, _ name: String) throws -> String {
    switch type {
    case .int8: "|i1"
    case .uint8: "|u1"
    case .int16: "<i2"
    case .uint16: "<u2"
    case .int32: "<i4"
    case .uint32: "<u4"
    case .int64: "<i8"
    case .uint64: "<u8"
    case .float16: "<f2"
    case .bfloat16, .float32: "<f4"
    case .float64: "<f8"
    case .utf8: throw ArchiveError(.refused, "\(name): npz holds numbers; export text as csv")
    }
  }

  /// NumPy has no bfloat16.
  private static func widened(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    bytes.bindMemory(to: UInt16.self).map { BFloat16(bitPattern: $0).float }
  }
}
