/// Shards whose sum one process makes alone: one shard of a group that it shares with others, or whole groups that the tree joins before
/// it joins them with any other.
struct ShardUnit: Equatable {
  let shards: Range<Int>
  /// Groups of ``ShardSum/groupSize`` in it, a power of two; nil for one shard of a group.
  let groups: Int?

  /// The shards of process `rank` of `size`: as many as the others', or one more.
  static func shards(of rank: Int, among size: Int, _ count: Int) -> Range<Int> {
    count * rank / size..<count * (rank + 1) / size
  }

  /// The units of the shards `own` of `count`, in their order.
  static func units(_ own: Range<Int>, of count: Int, groupSize: Int) -> [ShardUnit] {
    let groupCount = (count + groupSize - 1) / groupSize
    var units: [ShardUnit] = []
    var place = own.lowerBound
    while place < own.upperBound {
      // As many groups as the tree joins here, while all their shards are our own.
      var (whole, next) = (0, 1)
      let group = place / groupSize
      while place % groupSize == 0, group % next == 0, group + next <= groupCount,
        min((group + next) * groupSize, count) <= own.upperBound
      { (whole, next) = (next, 2 * next) }
      let end = whole > 0 ? min((group + whole) * groupSize, count) : place + 1
      units.append(ShardUnit(shards: place..<end, groups: whole > 0 ? whole : nil))
      place = end
    }
    return units
  }
}

/// How the sums of units, in their order, become the sum of all: the same additions as without units.
struct SumSchedule {
  enum Step {
    /// The first of a group, or a unit of whole groups, goes to a waiting sum.
    case begin(unit: Int, slot: Int)
    /// A further shard of a group is added to it.
    case add(unit: Int, slot: Int)
    /// A waiting sum is added to the one before it.
    case carry(slot: Int)
  }

  private(set) var steps: [Step] = []
  /// Sums that wait at the same time, at most.
  private(set) var slotCount = 0

  init(_ units: [ShardUnit], count: Int, groupSize: Int) {
    let groupCount = (count + groupSize - 1) / groupSize
    var (waiting, done) = (0, 0)
    for (index, unit) in units.enumerated() {
      let isFirst = unit.groups != nil || unit.shards.lowerBound % groupSize == 0
      steps.append(isFirst ? .begin(unit: index, slot: waiting) : .add(unit: index, slot: waiting))
      slotCount = max(slotCount, waiting + 1)
      let isWhole =
        unit.groups != nil || unit.shards.upperBound % groupSize == 0
        || unit.shards.upperBound == count
      guard isWhole else { continue }
      let groups = unit.groups ?? 1
      done += groups
      let carries =
        done == groupCount
        ? waiting : done.trailingZeroBitCount - groups.trailingZeroBitCount
      for carry in 0..<carries { steps.append(.carry(slot: waiting - carry)) }
      waiting += 1 - carries
    }
  }
}
