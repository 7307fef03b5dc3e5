/// The sum of shards that several processes work on, with the bits of one process: each makes the sums of its own units, every process
/// adds up its piece of all units in the fixed order, and all get all pieces.
///
/// A step sends (units + 1) times the vector: eight shards among P processes have 8/P units each, whole groups one or a few. Libraries'
/// own sums were rejected: `MPI_Allreduce` promises no order.
final class RemoteSum<S: KernelScalar>: @unchecked Sendable {
  /// A filling of vectors: single shards that stay where they are, or one of a block's.
  struct Wave {
    let shards: Range<Int>
    /// The first's place among ``lanes``, of single shards.
    let lane: Int
    /// The block and its filling; nil for single shards.
    let block: (index: Int, wave: Int)?
  }

  private(set) var waves: [Wave] = []
  private var lanes: [Buffer<S>] = []
  private var blocks: [ShardSum<S>] = []
  /// Sums of our units.
  private var own: [Buffer<S>] = []
  private let collective: any Collective
  private let schedule: SumSchedule
  /// Where in ``incoming`` each unit of all processes lies, in pieces.
  private let places: [Int]
  /// Units of the process that has most; elements of a piece.
  private let most: Int, piece: Int
  private let startsAtZero: Bool
  private let outgoing: Buffer<S>, incoming: Buffer<S>, gathered: Buffer<S>
  private let waiting: [Buffer<S>]

  init(
    shards: Int, threads: Int, length: Int, startingAtZero: Bool, _ collective: any Collective
  ) {
    let size = ShardSum<S>.groupSize
    (self.collective, startsAtZero) = (collective, startingAtZero)
    let units = (0..<collective.size).map {
      ShardUnit.units(
        ShardUnit.shards(of: $0, among: collective.size, shards), of: shards, groupSize: size)
    }
    let most = max(1, units.map(\.count).max() ?? 1)
    let piece = (length + collective.size - 1) / collective.size
    (self.most, self.piece) = (most, piece)
    places = units.enumerated().flatMap { rank, units in units.indices.map { rank * most + $0 } }
    schedule = SumSchedule(Array(units.joined()), count: shards, groupSize: size)
    outgoing = Buffer(collective.size * most * piece)
    incoming = Buffer(collective.size * most * piece)
    gathered = Buffer(collective.size * piece)
    waiting = (0..<schedule.slotCount).map { _ in Buffer(piece) }
    for unit in units[collective.rank] { add(unit, threads: threads, length: length) }
  }

  private func add(_ unit: ShardUnit, threads: Int, length: Int) {
    guard unit.groups != nil else {
      // Single shards that follow each other are worked on at the same time.
      if let last = waves.last, last.block == nil, last.shards.upperBound == unit.shards.lowerBound
      {
        waves[waves.count - 1] = Wave(
          shards: last.shards.lowerBound..<unit.shards.upperBound, lane: last.lane, block: nil)
      } else {
        waves.append(Wave(shards: unit.shards, lane: lanes.count, block: nil))
      }
      lanes.append(Buffer(length))
      own.append(lanes[lanes.count - 1])
      return
    }
    // Blocks are worked on one after another, in the same memory.
    let block = ShardSum<S>(
      shards: unit.shards.count, threads: threads, into: Buffer(length),
      startingAtZero: startsAtZero, sharing: blocks.max { $0.lanes.count < $1.lanes.count }?.lanes)
    for wave in 0..<block.waveCount {
      let shards = block.shards(ofWave: wave)
      waves.append(
        Wave(
          shards: unit.shards.lowerBound + shards.lowerBound..<unit.shards.lowerBound
            + shards.upperBound, lane: 0, block: (blocks.count, wave)))
    }
    blocks.append(block)
    own.append(block.total)
  }

  func vector(wave: Int, _ lane: Int) -> Buffer<S> {
    let wave = waves[wave]
    return wave.block.map { blocks[$0.index].lanes[lane] } ?? lanes[wave.lane + lane]
  }

  func takeIn(wave: Int, _ pool: WorkerPool) {
    if let block = waves[wave].block { blocks[block.index].takeIn(wave: block.wave, pool) }
  }

  /// Sends, adds and gathers; every process has the sum in `total` afterwards.
  func finish(into total: Buffer<S>, _ pool: WorkerPool) {
    let stride = MemoryLayout<S>.stride
    pool.forEach(collective.size) { rank, _ in
      let low = rank * piece
      let count = max(0, min(piece, total.count - low))
      for (unit, sum) in own.enumerated() where count > 0 {
        (outgoing.start + (rank * most + unit) * piece).update(from: sum.start + low, count: count)
      }
    }
    collective.exchange(outgoing.start, bytes: most * piece * stride, into: incoming.start)
    let count = max(0, min(piece, total.count - collective.rank * piece))
    pool.forEach(16) { part, _ in add(count * part / 16..<count * (part + 1) / 16) }
    collective.gather(waiting[0].start, bytes: piece * stride, into: gathered.start)
    total.start.update(from: gathered.start, count: total.count)
  }

  /// Adds up some elements of our piece of all units.
  private func add(_ range: Range<Int>) {
    let (low, count) = (range.lowerBound, range.count)
    for step in schedule.steps {
      switch step {
      case .begin(let unit, let slot):
        let (source, target) = (
          incoming.start + places[unit] * piece + low, waiting[slot].start + low
        )
        target.update(from: source, count: count)
        // As a group's own sum begins; a sum that began so has no -0 left.
        if startsAtZero { for i in 0..<count { target[i] += 0 } }
      case .add(let unit, let slot):
        Elementwise.add(
          incoming.start + places[unit] * piece + low, to: waiting[slot].start + low, count: count)
      case .carry(let slot):
        Elementwise.add(
          waiting[slot].start + low, to: waiting[slot - 1].start + low, count: count)
      }
    }
  }
}
