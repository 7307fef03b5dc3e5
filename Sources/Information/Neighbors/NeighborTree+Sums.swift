import Kernels

extension NeighborTree {
  /// Sum over all points of a term that is computed from each point's nearest neighbours, on all threads.
  ///
  /// `term` receives the point's place, its neighbours, and scratch for counting. Points are taken in the order of the tree,
  /// whose neighbours share caches, in blocks that are added in order: the sum does not depend on the threads.
  func sum(
    neighbors: Int, _ pool: WorkerPool,
    _ term: (_ place: Int, _ near: Scratch, _ side: Scratch) -> Double
  ) -> (sum: Double, ties: Int) {
    let block = 256
    let blocks = (count + block - 1) / block
    var parts = [(sum: Double, ties: Int)](repeating: (0, 0), count: blocks)
    let scratch = (0..<pool.threadCount).map { _ in
      (
        Scratch(neighbors: neighbors, dimension: dimension),
        Scratch(neighbors: 1, dimension: dimension)
      )
    }
    parts.withUnsafeMutableBufferPointer { parts in
      // Safe to share: every item fills its own part.
      nonisolated(unsafe) let parts = parts
      pool.forEach(blocks) { item, worker in
        let (near, side) = scratch[worker]
        var (sum, ties) = (0.0, 0)
        for place in item * block..<min((item + 1) * block, count) {
          findNearest(of: place, near)
          ties += near.nearest[neighbors - 1] == 0 ? 1 : 0
          sum += term(place, near, side)
        }
        parts[item] = (sum, ties)
      }
    }
    return parts.reduce((0, 0)) { ($0.0 + $1.sum, $0.1 + $1.ties) }
  }
}
