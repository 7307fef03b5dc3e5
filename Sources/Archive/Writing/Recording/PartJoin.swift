import Foundation

/// Makes one part of commits that wait together, so that where they come faster than a disk takes them there are fewer files, fewer
/// fsyncs and nothing to merge.
struct PartJoin {
  let pool: MemoryPool

  /// Whether `next` may lie in one file with `parts` before it: rows of an array that is written once lie in one of them, and
  /// what is cut into several chunks a row has rows of its own.
  func accepts(_ next: Part, after parts: [Part]) -> Bool {
    let known = Set(parts.flatMap { $0.content.map(\.schema.path) })
    return next.content.allSatisfy { item in
      !known.contains(item.schema.path) || item.schema.isStream && Self.isJoinable(item.schema)
    }
  }

  private static func isJoinable(_ array: ArraySchema) -> Bool {
    array.chunk[0] == 1 || Self.hasWholeRows(array)
  }

  private static func hasWholeRows(_ array: ArraySchema) -> Bool {
    Array(array.chunk.dropFirst()) == Array(array.shape(rows: 1).dropFirst())
  }

  /// The part that holds what `parts`, which follow each other and accept each other, hold; they have nothing left.
  /// - Throws: ``ArchiveError`` when what was just filtered does not decode, which only broken memory could do.
  func join(_ parts: [Part]) throws -> Part {
    guard let first = parts.first, let last = parts.last, parts.count > 1 else { return parts[0] }
    var order: [String] = []
    var members: [String: [Part.Content]] = [:]
    for item in parts.flatMap(\.content) {
      if members[item.schema.path] == nil { order.append(item.schema.path) }
      members[item.schema.path, default: []].append(item)
    }
    let states = HashStates()
    states.tell(
      parts.reduce(into: [:]) { known, part in
        known.merge(part.hashStates.wait()) { $1 }
      })
    return Part(
      name: PartName(first.name.first, last.name.last),
      content: try order.map { try join(members[$0] ?? []) }, commits: parts.flatMap(\.commits),
      byteCount: parts.reduce(0) { $0 + $1.byteCount }, hashStates: states,
      resumeState: parts.compactMap(\.resumeState).last)
  }

  private func join(_ items: [Part.Content]) throws -> Part.Content {
    guard items.count > 1 else { return items[0] }
    let schema = items[0].schema
    guard schema.chunk[0] == 1 else { return try gather(items) }
    var blocks: [ArrayStream.Block] = []
    var rows = 0
    for item in items {
      for block in item.blocks {
        let moved = ArrayStream.Block(start: rows + block.start, rows: block.rows)
        moved.chunks = block.chunks.map {
          ([rows + $0.offset[0]] + $0.offset.dropFirst(), $0.bytes)
        }
        block.chunks = []
        blocks.append(moved)
      }
      rows += item.rows
    }
    return Part.Content(schema, rows, blocks)
  }

  /// Few short rows a commit are one chunk each time: they are put into common chunks.
  private func gather(_ items: [Part.Content]) throws -> Part.Content {
    let schema = items[0].schema
    let stream = ArrayStream(schema, pool)
    for block in items.flatMap(\.blocks) {
      for (_, stored) in block.chunks {
        let raw = try decode(stored.bytes, block, schema, stream.rowByteCount)
        for (block, bytes) in raw.withUnsafeBytes({ stream.append($0) }) {
          ArrayStream.encode(block, bytes, schema, pool)
        }
      }
      block.chunks = []
    }
    if let (block, bytes) = stream.finishPart() {
      ArrayStream.encode(block, bytes, schema, pool)
    }
    let part = stream.takePart()
    return Part.Content(schema, part.rows, part.blocks)
  }

  /// The rows of a block's only chunk.
  private func decode(
    _ stored: UnsafeRawBufferPointer, _ block: ArrayStream.Block, _ schema: ArraySchema,
    _ rowByteCount: Int
  ) throws -> [UInt8] {
    let chunk = block.start == 0 ? schema.chunk(rows: block.rows) : schema.chunk
    var raw = [UInt8](repeating: 0, count: chunk[0] * rowByteCount)
    let isWhole = raw.withUnsafeMutableBytes {
      ChunkCodec.decode(
        stored, into: $0, elementSize: schema.type.byteCount ?? 1, schema.filters, filterMask: 0)
    }
    guard isWhole else {
      throw ArchiveError(
        .system,
        "\(schema.path): rows on their way to disk were damaged in memory; look at the machine")
    }
    raw.removeLast((chunk[0] - block.rows) * rowByteCount)
    return raw
  }
}
