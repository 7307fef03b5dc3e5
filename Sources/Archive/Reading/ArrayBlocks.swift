import Arrays
import HDF5

/// Blocks of about 4 MiB that follow each other in C order: steps along one axis, for every place on the axes before it.
///
/// A step is whole chunks, so that none is decoded twice, unless that makes more than 32 MiB.
struct ArrayBlocks {
  let list: [(start: [Int], count: [Int])]

  init(shape: [Int], elementSize: Int, chunk: [Int]?) {
    let limit = 4 << 20
    guard !shape.contains(0) else {
      list = []
      return
    }
    guard !shape.isEmpty else {
      list = [([], [])]
      return
    }
    let axis =
      shape.indices.first { shape[($0 + 1)...].reduce(elementSize, *) <= limit } ?? shape.count - 1
    let width = shape[(axis + 1)...].reduce(elementSize, *)
    let chunk = chunk?[axis] ?? 1
    var step = max(limit / width / chunk, 1) * chunk
    if step * width > 32 << 20 { step = max(limit / width, 1) }
    var outer: [[Int]] = [[]]
    for length in shape[..<axis] {
      outer = outer.flatMap { place in (0..<length).map { place + [$0] } }
    }
    let rest = shape[(axis + 1)...]
    list = outer.flatMap { place in
      stride(from: 0, to: shape[axis], by: step).map { first in
        (
          place + [first] + rest.map { _ in 0 },
          place.map { _ in 1 } + [min(step, shape[axis] - first)] + rest
        )
      }
    }
  }
}

extension Dataset {
  /// Blocks in which all values can be read in C order.
  func blocks(as type: ElementType) throws -> [(start: [Int], count: [Int])] {
    try ArrayBlocks(
      shape: shape, elementSize: type.byteCount ?? 1, chunk: layout?.chunk
    ).list
  }

  /// Hands over all numbers in C order as `type`, the stored one unless told otherwise, block by block.
  func forEachBlock(
    as type: ElementType? = nil, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let type = try type ?? elementType
    for block in try blocks(as: type) {
      var bytes = [UInt8](repeating: 0, count: block.count.reduce(type.byteCount ?? 1, *))
      try bytes.withUnsafeMutableBytes {
        try readFast(into: $0, as: type, start: block.start, count: block.count)
      }
      try bytes.withUnsafeBytes(body)
    }
  }

  /// Adds all values to `hash`, numbers as `type`; hashing goes on while the next block is read.
  func add(to hash: LogicalHash, as type: ElementType, _ hasher: BlockHasher) throws {
    if type == .utf8 { return hash.update(try readTextBytes()) }
    for block in try blocks(as: type) {
      try hasher.add(block.count.reduce(type.byteCount ?? 1, *), to: hash) {
        try readFast(into: $0, as: type, start: block.start, count: block.count)
      }
    }
  }

  /// The logical hash of the values as they are read now, whatever is stored beside them.
  func valueHash(as type: ElementType? = nil, _ hasher: BlockHasher) throws -> String {
    let type = try type ?? elementType
    let hash = LogicalHash()
    // Also when reading fails: blocks handed over before must not outlive the hash.
    defer { hasher.wait() }
    try add(to: hash, as: type, hasher)
    hasher.wait()
    return hash.value(type, shape: try shape)
  }

  /// A hash of values of any type, for comparing two files.
  func imageHash(_ names: ObjectNames) throws -> String {
    let hash = LogicalHash()
    try forEachImage(names) { bytes in bytes.withUnsafeBytes { hash.update($0) } }
    return hash.value(.uint8, shape: try isNull ? [-1] : shape)
  }
}

extension LogicalHash {
  /// Adds strings as they are stored, in order.
  func update(_ texts: [ArraySlice<UInt8>]) {
    for text in texts { (Array(text) + [0]).withUnsafeBytes { update($0) } }
  }
}
