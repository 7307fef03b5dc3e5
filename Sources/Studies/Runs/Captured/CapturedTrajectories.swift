import Archive
import Dynamics
import Kernels
import Synchronization
import Transformer

/// What went wrong while workers read, of whom none may throw.
final class ReadingFailure: Sendable {
  private let first = Mutex<(any Error)?>(nil)

  func note(_ error: any Error) {
    first.withLock { if $0 == nil { $0 = error } }
  }

  /// - Throws: what went wrong first.
  func check() throws {
    if let error = first.withLock({ $0 }) { throw error }
  }
}

/// Trajectories that an archive holds: kept in memory where all are small, else read when they are asked for.
///
/// Where padding does not lie behind the tokens, the tokens of each sample are moved in front, queries and keys of its maps alike.
final class CapturedTrajectories: TrajectorySource, @unchecked Sendable {
  typealias S = Float
  private let reader: RunReader
  private let network: ModelConfiguration
  private let padding: SamplePadding
  private let rows: [Int]
  private let checkpoint: Int
  private let failure: ReadingFailure
  /// Paths of states and maps.
  private let states: [String], maps: [String]
  /// Of each path the values of all rows; empty where they are read when asked for.
  private var kept: [[Float]] = []
  private let rooms: [Room]

  /// Bytes up to which everything is kept.
  private static let keptBytes = 512 << 20

  /// One worker's memory.
  private struct Room {
    let states: [Buffer<Float>], maps: [Buffer<Float>]
    let lengths: UnsafeMutablePointer<Int32>
  }

  /// Those of the samples `rows` at a checkpoint.
  init(
    _ reader: RunReader, _ network: ModelConfiguration, _ padding: SamplePadding, _ rows: [Int],
    checkpoint: Int, capacity: Int, workers: Int, _ failure: ReadingFailure
  ) throws {
    (self.reader, self.network, self.padding, self.rows) = (reader, network, padding, rows)
    (self.checkpoint, self.failure) = (checkpoint, failure)
    states = TapName.depths(layers: network.layerCount).map(\.path)
    maps = (0..<network.layerCount).map { TapName(.map, layer: $0).path }
    let stream = network.positionCount * network.width
    let map = network.headCount * network.positionCount * network.positionCount
    rooms = (0..<workers).map { _ in
      let lengths = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, capacity))
      lengths.initialize(repeating: 0, count: max(1, capacity))
      return Room(
        states: (0...network.layerCount).map { _ in Buffer(capacity * stream) },
        maps: (0..<network.layerCount).map { _ in Buffer(capacity * map) }, lengths: lengths)
    }
    let bytes = 4 * rows.count * (states.count * stream + maps.count * map)
    guard bytes <= Self.keptBytes else { return }
    kept = try (states + maps).map { try all($0) }
  }

  deinit { for room in rooms { room.lengths.deallocate() } }

  var count: Int { rows.count }

  /// Values of all rows, read in stretches of the archive, since a chunk of it may hold many samples.
  private func all(_ path: String) throws -> [Float] {
    let shape = try reader.describe(path).shape
    let size = shape.dropFirst(2).reduce(1, *)
    var values = [Float](repeating: 0, count: rows.count * size)
    let step = max(1, (4 << 20) / max(size, 1))
    let order = rows.indices.sorted { rows[$0] < rows[$1] }
    var next = 0
    while next < order.count {
      let first = rows[order[next]]
      var last = next
      while last + 1 < order.count, rows[order[last + 1]] < first + step { last += 1 }
      let count = rows[order[last]] - first + 1
      let block = try reader.read(
        path, as: Float.self, start: [checkpoint, first] + shape.dropFirst(2).map { _ in 0 },
        count: [1, count] + shape.dropFirst(2)
      ).elements
      for place in order[next...last] {
        let start = (rows[place] - first) * size
        for i in 0..<size { values[place * size + i] = block[start + i] }
      }
      next = last + 1
    }
    return arranged(values, path, rows)
  }

  private func arranged(_ values: [Float], _ path: String, _ rows: [Int]) -> [Float] {
    maps.contains(path)
      ? padding.tokensFirst(maps: values, of: rows)
      : padding.tokensFirst(states: values, of: rows)
  }

  private func fill(_ buffer: Buffer<Float>, _ array: Int, _ samples: ArraySlice<Int>) throws {
    let path = array < states.count ? states[array] : maps[array - states.count]
    if !kept.isEmpty {
      let size = kept[array].count / max(rows.count, 1)
      kept[array].withUnsafeBufferPointer { values in
        for (place, sample) in samples.enumerated() {
          guard let base = values.baseAddress else { return }
          (buffer.start + place * size).update(from: base + sample * size, count: size)
        }
      }
      return
    }
    let rest = try reader.describe(path).shape.dropFirst(2)
    let size = rest.reduce(1, *)
    for (place, sample) in samples.enumerated() {
      let row = rows[sample]
      let read = try reader.read(
        path, as: Float.self, start: [checkpoint, row] + rest.map { _ in 0 }, count: [1, 1] + rest
      ).elements
      arranged(read, path, [row]).withUnsafeBufferPointer { values in
        guard let base = values.baseAddress else { return }
        (buffer.start + place * size).update(from: base, count: size)
      }
    }
  }

  func load(_ samples: ArraySlice<Int>, worker: Int) -> TrajectoryView<Float> {
    let room = rooms[worker]
    do {
      for (array, buffer) in (room.states + room.maps).enumerated() {
        try fill(buffer, array, samples)
      }
    } catch {
      // A state that is no number ends the fit; then the reason is told.
      failure.note(error)
      for state in room.states { state.start.update(repeating: .nan, count: state.count) }
    }
    if let lengths = padding.lengths {
      for (place, sample) in samples.enumerated() {
        room.lengths[place] = Int32(clamping: lengths[rows[sample]])
      }
    }
    return TrajectoryView(
      shard: Shard(
        samples: samples.count,
        lengths: padding.lengths == nil ? nil : UnsafePointer(room.lengths)),
      residuals: room.states.map { UnsafePointer($0.start) },
      maps: room.maps.map { UnsafePointer($0.start) })
  }
}
