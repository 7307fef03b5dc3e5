import CDeflate
import Synchronization

/// A zip archive (PKWARE's APPNOTE 6.3), read by its central directory; zip64 too. Members are stored or deflated.
///
/// Refused: members that overlap, lie over the directory or have one name; encrypted ones; archives over several disks.
struct ZipArchive: Sendable {
  /// One file in the archive.
  struct Member: Sendable {
    let name: String
    /// Length when unpacked.
    let count: Int
    let isDeflated: Bool
    let checksum: UInt32
    /// The bytes as they are stored.
    let stored: Region
  }

  let path: String
  let members: [Member]
  private let unpacked = Unpacked()

  init(_ source: ByteSource) throws {
    path = source.path
    members = try ZipDirectory(source.region).members()
  }

  /// The member of a name, byte for byte.
  func member(_ name: String) -> Member? {
    members.first { $0.name.utf8.elementsEqual(name.utf8) }
  }

  /// The bytes of a member, unpacked where it is deflated. The last one unpacked is kept.
  /// - Throws: ``CheckpointError`` when they do not unpack to what the directory says, or are larger than the file and 32 MiB.
  func bytes(_ member: Member) throws -> Region {
    if !member.isDeflated { return member.stored }
    return try unpacked.last.withLock { last in
      if let last, last.offset == member.stored.offset { return last.bytes.region }
      last = nil
      let bytes = try inflate(member)
      last = (member.stored.offset, bytes)
      return bytes.region
    }
  }

  private func inflate(_ member: Member) throws -> ByteSource {
    guard member.count <= member.stored.source.count + Limits.unpackedExcess else {
      throw CheckpointError(
        .unsupported, file: path, expected: "members not much larger than their archive",
        found: "\(CheckpointError.shown(member.name)) of \(member.count) bytes",
        remedy: "save it without compression (numpy.savez)")
    }
    let bytes = ByteSource.memory(path: path, count: member.count) { target in
      guard let inflater = libdeflate_alloc_decompressor() else { return false }
      defer { libdeflate_free_decompressor(inflater) }
      var actual = 0
      let status = member.stored.withBytes {
        libdeflate_deflate_decompress(
          inflater, $0.baseAddress, $0.count, target.baseAddress, target.count, &actual)
      }
      return status == LIBDEFLATE_SUCCESS && actual == target.count
    }
    guard let bytes, bytes.region.checksum == member.checksum else {
      throw CheckpointError.damaged(
        path, expected: "\(CheckpointError.shown(member.name)) to unpack to \(member.count) bytes",
        found: bytes == nil ? "broken compression" : "another checksum")
    }
    return bytes
  }

  private final class Unpacked: Sendable {
    let last = Mutex<(offset: Int, bytes: ByteSource)?>(nil)
  }
}

/// The directory at the end of a zip archive.
private struct ZipDirectory {
  let region: Region

  init(_ region: Region) { self.region = region }

  private func damaged(_ expected: String, _ found: String) -> CheckpointError {
    CheckpointError.damaged(region.source.path, expected: expected, found: found)
  }

  func members() throws -> [ZipArchive.Member] {
    let (start, size, count, end) = try directory()
    guard let entries = region.slice(start, size), size <= end - start else {
      throw damaged("a zip directory within the file", "\(size) bytes at \(start)")
    }
    guard count <= Limits.tensors + 1000 else {
      throw damaged("at most \(Limits.tensors + 1000) members", "\(count)")
    }
    var cursor = ByteCursor(entries)
    var members: [(member: ZipArchive.Member, start: Int)] = []
    var names: Set<[UInt8]> = []
    for _ in 0..<count {
      let entry = try member(&cursor, limit: start)
      guard names.insert(Array(entry.member.name.utf8)).inserted else {
        throw damaged("each member once", "\(CheckpointError.shown(entry.member.name)) twice")
      }
      members.append(entry)
    }
    guard cursor.isAtEnd else { throw damaged("\(count) zip members", "more") }
    var place = 0
    for (member, start) in members.sorted(by: { $0.start < $1.start }) {
      guard start >= place else {
        throw damaged(
          "members beside each other", "\(CheckpointError.shown(member.name)) over another")
      }
      place = member.stored.offset + member.stored.count
    }
    return members.map(\.member)
  }

  /// Where the directory lies, how long it is, how many entries it has, and where what closes it begins.
  private func directory() throws -> (start: Int, size: Int, count: Int, end: Int) {
    let lowest = max(0, region.count - 22 - 0xFFFF)
    guard region.count >= 22 else { throw damaged("a zip archive", "\(region.count) bytes") }
    for place in stride(from: region.count - 22, through: lowest, by: -1) {
      guard region.integer(place, UInt32.self) == 0x0605_4B50,
        let comment = region.integer(place + 20, UInt16.self),
        place + 22 + Int(comment) == region.count
      else { continue }
      var cursor = ByteCursor(region)
      _ = try cursor.take(place + 4)
      let (disk, other) = (try cursor.integer(UInt16.self), try cursor.integer(UInt16.self))
      let (here, all) = (try cursor.integer(UInt16.self), try cursor.integer(UInt16.self))
      let (size, start) = (try cursor.integer(UInt32.self), try cursor.integer(UInt32.self))
      if all == 0xFFFF || size == .max || start == .max { return try largeDirectory(place) }
      guard disk == 0, other == 0, here == all else {
        throw damaged("a zip archive in one part", "a part of several")
      }
      return (Int(start), Int(size), Int(all), place)
    }
    throw damaged("the directory at the end of a zip archive", "none; the file may be cut short")
  }

  private func largeDirectory(
    _ place: Int
  ) throws -> (start: Int, size: Int, count: Int, end: Int) {
    guard region.integer(place - 20, UInt32.self) == 0x0706_4B50,
      let offset = region.integer(place - 12, UInt64.self).flatMap({ Int(exactly: $0) }),
      region.integer(offset, UInt32.self) == 0x0606_4B50,
      let count = region.integer(offset + 32, UInt64.self).flatMap({ Int(exactly: $0) }),
      let size = region.integer(offset + 40, UInt64.self).flatMap({ Int(exactly: $0) }),
      let start = region.integer(offset + 48, UInt64.self).flatMap({ Int(exactly: $0) })
    else { throw damaged("a zip64 directory", "none where it must be") }
    return (start, size, count, offset)
  }

  private func member(
    _ cursor: inout ByteCursor, limit: Int
  ) throws -> (member: ZipArchive.Member, start: Int) {
    guard try cursor.integer(UInt32.self) == 0x0201_4B50 else {
      throw damaged("an entry of the zip directory", "other bytes")
    }
    _ = try cursor.take(4)
    let (flags, method) = (try cursor.integer(UInt16.self), try cursor.integer(UInt16.self))
    _ = try cursor.take(4)
    let checksum = try cursor.integer(UInt32.self)
    var stored = Int(try cursor.integer(UInt32.self))
    var count = Int(try cursor.integer(UInt32.self))
    let nameCount = Int(try cursor.integer(UInt16.self))
    let extraCount = Int(try cursor.integer(UInt16.self))
    let commentCount = Int(try cursor.integer(UInt16.self))
    _ = try cursor.take(8)
    var start = Int(try cursor.integer(UInt32.self))
    let name = try cursor.text(nameCount)
    try widen(try cursor.take(extraCount), &count, &stored, &start)
    _ = try cursor.take(commentCount)
    guard flags & 1 == 0 else {
      throw damaged("members that are not encrypted", CheckpointError.shown(name))
    }
    guard method == 0 || method == 8, method == 8 || count == stored else {
      throw damaged(
        "\(CheckpointError.shown(name)) stored or deflated", "method \(method), \(stored) bytes")
    }
    // The bytes lie behind the local header, which repeats the name and may say nothing of sizes.
    guard region.integer(start, UInt32.self) == 0x0403_4B50,
      let localName = region.integer(start + 26, UInt16.self),
      let localExtra = region.integer(start + 28, UInt16.self),
      region.slice(start + 30, Int(localName))?.text == name,
      let bytes = region.slice(start + 30 + Int(localName) + Int(localExtra), stored),
      bytes.offset - region.offset + bytes.count <= limit
    else {
      throw damaged("\(CheckpointError.shown(name)) before the zip directory", "no such member")
    }
    return (
      ZipArchive.Member(
        name: name, count: count, isDeflated: method == 8, checksum: checksum, stored: bytes),
      start
    )
  }

  /// Takes the sizes that did not fit 32 bits from the zip64 field.
  private func widen(
    _ extra: Region, _ count: inout Int, _ stored: inout Int, _ start: inout Int
  ) throws {
    let all = Int(UInt32.max)
    guard count == all || stored == all || start == all else { return }
    var cursor = ByteCursor(extra)
    while cursor.left >= 4 {
      let (kind, size) = (try cursor.integer(UInt16.self), try cursor.integer(UInt16.self))
      var field = ByteCursor(try cursor.take(Int(size)))
      guard kind == 1 else { continue }
      if count == all { count = try field.length("a size") }
      if stored == all { stored = try field.length("a size") }
      if start == all { start = try field.length("a place") }
      guard start <= region.count else { throw damaged("a place within the file", "\(start)") }
      return
    }
    throw damaged("a zip64 field", "none")
  }
}
