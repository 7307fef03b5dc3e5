import Arrays
import Synchronization

/// What `torch.save` writes: a zip archive with a pickle and one member a storage, or (before torch 1.6) five pickles and the
/// storages one behind the other. Dictionaries of tensors, nested or not: names are joined by points.
enum TorchFile {
  static func open(_ archive: ZipArchive, pickle: ZipArchive.Member) throws -> StoredTensorFile {
    let root = pickle.name.dropLast("data.pkl".count)
    var isBigEndian = false
    if let order = archive.member(root + "byteorder") {
      switch try archive.bytes(order).text {
      case "little": break
      case "big": isBigEndian = true
      case let other:
        throw CheckpointError.damaged(
          archive.path, expected: "the byte order little or big",
          found: CheckpointError.shown(other ?? "other bytes"))
      }
    }
    var places: [[UInt8]: ZipArchive.Member] = [:]
    for member in archive.members { places[Array(member.name.utf8)] = member }
    var reader = PickleReader(ByteCursor(try archive.bytes(pickle)))
    let value = try reader.run()
    guard reader.cursor.isAtEnd else {
      throw CheckpointError.damaged(
        archive.path, expected: "one pickle in data.pkl", found: "more behind it")
    }
    let names = try TorchNames(reader, archive.path).named(value)
    let checksums = CheckedMembers()
    return try file(.torch, archive.path, names, reader, isBigEndian) { storage, needed in
      guard let member = places[Array((root + "data/" + storage.key).utf8)], !member.isDeflated,
        needed <= member.count
      else {
        throw CheckpointError.damaged(
          archive.path, expected: "\(needed) bytes stored as data/\(storage.key)",
          found: places[Array((root + "data/" + storage.key).utf8)].map { "\($0.count)" }
            ?? "no such member")
      }
      return member.stored.slice(0, needed).map { bytes in
        (bytes, { try checksums.check(member) })
      }
    }
  }

  /// The magic number 0x1950a86a20f9469cfc6c as a pickle.
  static let legacyStart: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  static func openLegacy(_ source: ByteSource) throws -> StoredTensorFile {
    let path = source.path
    var cursor = ByteCursor(source.region)
    _ = try cursor.take(legacyStart.count)
    var reader = PickleReader(cursor)
    guard case .integer(1001) = try reader.run() else {
      throw CheckpointError.damaged(
        path, expected: "protocol 1001 of torch's old format", found: "another")
    }
    guard case .dictionary(let system) = try reader.run(),
      let order = reader.item("little_endian", of: system), case .boolean(let isLittle) = order
    else {
      throw CheckpointError.damaged(path, expected: "the byte order", found: "none")
    }
    let value = try reader.run()
    let names = try TorchNames(reader, path).named(value)
    let regions = try legacyStorages(&reader, path, isLittle)
    return try file(.torchLegacy, path, names, reader, !isLittle) { storage, needed in
      guard let region = regions[Array(storage.key.utf8)], needed <= region.count else {
        throw CheckpointError.damaged(
          path, expected: "\(needed) bytes of storage \(CheckpointError.shown(storage.key))",
          found: "\(regions[Array(storage.key.utf8)]?.count ?? 0)")
      }
      return region.slice(0, needed).map { ($0, {}) }
    }
  }

  /// The list of keys, then for each its number of elements and the elements, to the end of the file.
  private static func legacyStorages(
    _ reader: inout PickleReader, _ path: String, _ isLittle: Bool
  ) throws -> [[UInt8]: Region] {
    var storages: [[UInt8]: PickleStorage] = [:]
    for storage in reader.storages {
      let earlier = storages.updateValue(storage, forKey: Array(storage.key.utf8))
      guard earlier == nil || (earlier?.type == storage.type && earlier?.count == storage.count)
      else {
        throw CheckpointError.damaged(
          path, expected: "one size a storage",
          found: "two of \(CheckpointError.shown(storage.key))")
      }
    }
    guard case .list(let keys) = try reader.run() else {
      throw CheckpointError.damaged(path, expected: "a list of storages", found: "something else")
    }
    var cursor = reader.cursor
    var regions: [[UInt8]: Region] = [:]
    for key in reader.containers[keys] {
      guard case .text(let key) = key, let storage = storages[Array(key.utf8)],
        let size = storage.type.byteCount
      else {
        throw CheckpointError.damaged(
          path, expected: "storages of known types that tensors refer to", found: "another")
      }
      let raw = try cursor.integer(Int64.self)
      let count = isLittle ? raw : raw.byteSwapped
      let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: size)
      guard count == Int64(storage.count), !overflow else {
        throw CheckpointError.damaged(
          path, expected: "\(storage.count) elements in storage \(CheckpointError.shown(key))",
          found: "\(count)")
      }
      guard regions.updateValue(try cursor.take(bytes), forKey: Array(key.utf8)) == nil else {
        throw CheckpointError.damaged(
          path, expected: "each storage once", found: "\(CheckpointError.shown(key)) twice")
      }
    }
    guard cursor.isAtEnd else {
      throw CheckpointError.damaged(
        path, expected: "the end behind the last storage", found: "\(cursor.left) bytes")
    }
    return regions
  }

  private static func file(
    _ format: CheckpointFormat, _ path: String, _ names: [(name: String, tensor: Int)],
    _ reader: PickleReader, _ isBigEndian: Bool,
    _ region: (PickleStorage, _ needed: Int) throws -> (Region, check: @Sendable () throws -> Void)?
  ) throws -> StoredTensorFile {
    var file = StoredTensorFile(path: path, format: format)
    for (name, number) in names {
      let tensor = reader.tensors[number]
      let storage = reader.storages[tensor.storage]
      guard let info = TensorInfo(name: name, shape: tensor.shape, type: storage.type) else {
        throw CheckpointError.damaged(
          path, tensor: name, expected: "a shape whose size is a number", found: "\(tensor.shape)")
      }
      guard let size = storage.type.byteCount else {
        let none = Region(source: reader.cursor.region.source, offset: 0, count: 0)
        try file.add(try StoredTensor(info, in: none))
        continue
      }
      let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: size)
      guard !overflow, tensor.offset >= 0, tensor.offset <= storage.count,
        let (whole, check) = try region(storage, bytes),
        let window = whole.slice(tensor.offset * size, bytes - tensor.offset * size)
      else {
        throw CheckpointError.damaged(
          path, tensor: name, expected: "a window into its storage of \(storage.count) elements",
          found: "one from element \(tensor.offset) on")
      }
      try file.add(
        try StoredTensor(
          info, byteCount: window.count, path: path, strides: tensor.strides,
          isBigEndian: isBigEndian
        ) {
          try check()
          return window
        })
    }
    return file
  }
}

/// Compares the checksum of each member once, when values are first read from it.
private final class CheckedMembers: Sendable {
  private let sound = Mutex<Set<Int>>([])

  func check(_ member: ZipArchive.Member) throws {
    if sound.withLock({ $0.contains(member.stored.offset) }) { return }
    guard member.stored.checksum == member.checksum else {
      throw CheckpointError.damaged(
        member.stored.source.path,
        expected: "the checksum of \(CheckpointError.shown(member.name))", found: "another")
    }
    _ = sound.withLock { $0.insert(member.stored.offset) }
  }
}

extension PickleReader {
  /// The last value of a key that is a text; nil when there is none.
  func item(_ key: String, of dictionary: Int) -> PickleValue? {
    let items = containers[dictionary]
    for place in stride(from: items.count - 2, through: 0, by: -2) {
      if case .text(key) = items[place] { return items[place + 1] }
    }
    return nil
  }
}
