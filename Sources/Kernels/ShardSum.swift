/// Sums of the shards' vectors, in an order that depends on the number of shards alone: groups of eight from left to right, then the
/// groups by a balanced tree: neighbours pairwise, pairs of neighbours pairwise, one that is left over goes up as it is.
///
/// Floating-point addition is not associative; by a fixed order a sum has the same bits for any number of threads and machines. At most
/// log₂ of the groups partial sums wait at a time: a group's sum is taken in as soon as it is there, as a bit is by a binary counter.
public final class ShardSum<S: KernelScalar>: @unchecked Sendable {
  /// Shards that are added from left to right.
  public static var groupSize: Int { 8 }
  /// Number of shards, and those that this process works on.
  public let shardCount: Int, ownShards: Range<Int>
  /// Vectors of shards that are worked on at the same time.
  let lanes: [Buffer<S>]
  /// The sum, once every shard has been taken in.
  public let total: Buffer<S>
  private let startsAtZero: Bool
  /// Sums that wait for a right neighbour: the first is ``total``.
  private let waiting: [Buffer<S>]
  private var waitingCount = 0, groupsDone = 0
  /// The other processes' shards; nil of one process alone.
  private let remote: RemoteSum<S>?

  /// Sums of `shards` vectors as long as `total`, of which `threads` workers make some at a time. Where it `startsAtZero`, a group's
  /// sum is 0 + a + b …, which makes +0 of a sum of -0.
  /// Of several processes each works on ``ownShards`` and gets the whole sum.
  public convenience init(
    shards: Int, threads: Int, into total: Buffer<S>, startingAtZero: Bool = false,
    with others: any Collective = SingleProcess()
  ) {
    self.init(
      shards: shards, threads: threads, into: total, startingAtZero: startingAtZero, sharing: nil,
      with: others)
  }

  /// The same, in `shared` vectors where they are enough.
  init(
    shards: Int, threads: Int, into total: Buffer<S>, startingAtZero: Bool,
    sharing shared: [Buffer<S>]?, with others: any Collective = SingleProcess()
  ) {
    requireOfCaller(shards >= 1, "there is a shard")
    (shardCount, self.total, startsAtZero) = (shards, total, startingAtZero)
    ownShards = ShardUnit.shards(of: others.rank, among: others.size, shards)
    guard others.size == 1 else {
      (lanes, waiting) = ([], [])
      remote = RemoteSum(
        shards: shards, threads: threads, length: total.count, startingAtZero: startingAtZero,
        others)
      return
    }
    remote = nil
    let count = Self.laneCount(shards: shards, threads: threads)
    lanes =
      shared.flatMap { $0.count >= count ? Array($0.prefix(count)) : nil }
      ?? (0..<count).map { _ in Buffer(total.count) }
    waiting = [total] + (0..<Self.depth(shards: shards)).map { _ in Buffer(total.count) }
  }

  /// Vectors that such a sum holds beside the total.
  public static func bufferCount(shards: Int, threads: Int) -> Int {
    laneCount(shards: shards, threads: threads) + depth(shards: shards)
  }

  /// Whole groups, so many that every thread has a shard.
  private static func laneCount(shards: Int, threads: Int) -> Int {
    min(shards, (max(threads, 1) + groupSize - 1) / groupSize * groupSize)
  }

  private static func groupCount(shards: Int) -> Int { (shards + groupSize - 1) / groupSize }

  /// Sums that wait at most, beside the first: as many as the number of groups has binary digits after its first.
  private static func depth(shards: Int) -> Int {
    let groups = groupCount(shards: shards)
    return groups < 2 ? 0 : Int.bitWidth - (groups - 1).leadingZeroBitCount
  }

  /// How often the lanes are filled.
  public var waveCount: Int {
    remote?.waves.count ?? (shardCount + lanes.count - 1) / lanes.count
  }

  /// The vector of the shard at `place` among those of a filling.
  public func vector(wave: Int, _ place: Int) -> Buffer<S> {
    remote?.vector(wave: wave, place) ?? lanes[place]
  }

  /// Shards of a filling.
  public func shards(ofWave wave: Int) -> Range<Int> {
    if let remote { return remote.waves[wave].shards }
    return wave * lanes.count..<min((wave + 1) * lanes.count, shardCount)
  }

  /// Takes in the vectors of ``shards(ofWave:)``; waves come in their order, the first begins a new sum.
  public func takeIn(wave: Int, _ pool: WorkerPool) {
    if let remote { return remote.takeIn(wave: wave, pool) }
    if wave == 0 { (waitingCount, groupsDone) = (0, 0) }
    let groups = Self.groupCount(shards: shardCount)
    let shards = shards(ofWave: wave)
    for first in stride(from: shards.lowerBound, to: shards.upperBound, by: Self.groupSize) {
      let lane = first - shards.lowerBound
      let count = min(Self.groupSize, shards.upperBound - first)
      groupsDone += 1
      // As many carries as a counter has when it comes to this number; after the last group everything that waits.
      let carries = groupsDone == groups ? waitingCount : groupsDone.trailingZeroBitCount
      pool.run(
        Loop.pieces,
        Loop(sum: self, lanes: lane..<lane + count, slot: waitingCount, carries: carries)
      )
      waitingCount += 1 - carries
    }
  }

  /// To be called after the last wave: then the sum is in ``total``, at every process.
  public func finish(_ pool: WorkerPool) { remote?.finish(into: total, pool) }

  /// Adds a group and carries, a piece of the vectors an item.
  private struct Loop: LoopBody {
    static var pieces: Int { 16 }
    let sum: ShardSum<S>
    let lanes: Range<Int>
    let slot: Int, carries: Int

    func run(_ piece: Int, worker: Int) {
      let count = sum.total.count
      let (low, high) = (count * piece / Self.pieces, count * (piece + 1) / Self.pieces)
      let target = sum.waiting[slot].start + low
      var first = lanes.lowerBound
      if sum.startsAtZero {
        for i in 0..<high - low { target[i] = 0 }
      } else {
        target.update(from: sum.lanes[first].start + low, count: high - low)
        first += 1
      }
      for lane in first..<lanes.upperBound {
        Elementwise.add(sum.lanes[lane].start + low, to: target, count: high - low)
      }
      for level in stride(from: slot, to: slot - carries, by: -1) {
        Elementwise.add(
          sum.waiting[level].start + low, to: sum.waiting[level - 1].start + low,
          count: high - low)
      }
    }
  }
}
