import Kernels

/// The estimator of Gao, Kannan, Oh & Viswanath (2017) for mixtures of discrete and continuous values, as their published
/// program has it; with one side discrete and the other continuous it is close to Ross (2014). In nats.
///
///     I = ⟨ψ(k̃_i) + ln n - ψ(n_x,i) - ψ(n_y,i)⟩
///
/// Where the k-th neighbour lies at a distance, k̃ = k and n_x, n_y count the points strictly nearer and the point itself;
/// where k pairs or more equal pair i, all of k̃, n_x and n_y count what is equal, itself included. The paper's own
/// ln(n_x + 1) with ≤ is lower by about 1.5/n_x a term: 0.18 nats for the uniform mixture of its section 5.
///
/// What does not hold: labels must be numbers whose equality matters only; they enter as one column, and a neighbour of
/// another label must be farther than any of the same, so labels are put a spread apart.
public struct MixedKraskov: MutualInformationEstimator {
  /// Neighbours.
  public var neighborCount: Int

  /// An estimator with `neighborCount` neighbours.
  public init(neighborCount: Int = 5) { self.neighborCount = neighborCount }

  public var name: String { "mixed-ksg" }
  public var settings: String { "k = \(neighborCount), maximum norm" }

  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    try Kraskov.check(pairs, neighborCount)
    let (count, k) = (pairs.count, neighborCount)
    let joint = NeighborTree(pairs.x.beside(pairs.y))
    let sides = [SideCounter(pairs.x, 0), SideCounter(pairs.y, pairs.x.dimension)]
    let digamma = DigammaTable(count + 1)
    let block = 256
    let blocks = (count + block - 1) / block
    var parts = [Double](repeating: 0, count: blocks)
    let scratch = (0..<pool.threadCount).map { _ in
      (
        NeighborTree.Scratch(neighbors: k, dimension: joint.dimension),
        NeighborTree.Scratch(neighbors: 1, dimension: joint.dimension)
      )
    }
    parts.withUnsafeMutableBufferPointer { parts in
      nonisolated(unsafe) let parts = parts
      pool.forEach(blocks) { item, worker in
        let (near, side) = scratch[worker]
        var sum = 0.0
        for place in item * block..<min((item + 1) * block, count) {
          joint.findNearest(of: place, near)
          let radius = near.nearest[k - 1]
          let isEqual = radius == 0
          sum +=
            digamma[
              isEqual ? joint.countNear(place, radius: 0, including: true, side) + 1 : k]
          for counter in sides {
            sum -= digamma[counter.count(joint, place, radius, including: isEqual, side) + 1]
          }
        }
        parts[item] = sum
      }
    }
    let value = parts.reduce(0, +) / Double(count) + Double.logarithm(Double(count))
    var flags: Estimate.Flags = []
    if pairs.x.dimension + pairs.y.dimension > 6 { flags.insert(.highDimension) }
    return (value, flags)
  }
}
