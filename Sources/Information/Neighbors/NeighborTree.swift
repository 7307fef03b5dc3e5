import Foundation

/// A k-d tree in the maximum norm: distance to the k-th neighbour, and number of neighbours within a distance.
///
/// Points are stored in the order of the tree, a dimension after the other, so that a leaf is scanned with vectors.
/// Cost n log n to build and about log n a query while the dimension is small; beyond about ten dimensions nearly every
/// leaf is visited, and scanning all pairs is faster.
final class NeighborTree: @unchecked Sendable {
  private static let leafSize = 32

  /// Number of points.
  let count: Int
  let dimension: Int
  /// Place in the tree's order -> number of the point.
  private(set) var order: [Int32]
  /// `[dimension, place]`, padded by a vector of infinities.
  private let coordinates: UnsafeMutablePointer<Double>
  private let stride: Int
  private var nodes: [Node] = []
  /// `[node, low or high, dimension]`.
  private let boxes: UnsafeMutablePointer<Double>

  private struct Node {
    var start: Int32
    var end: Int32
    /// Children; -1 in a leaf.
    var left: Int32
    var right: Int32
  }

  init(_ samples: SampleMatrix) {
    (count, dimension) = (samples.count, samples.dimension)
    order = (0..<Int32(count)).map { $0 }
    stride = (count + 15) / 8 * 8
    coordinates = .allocate(capacity: stride * dimension)
    coordinates.initialize(repeating: .infinity, count: stride * dimension)
    var leaves = 1
    while leaves * Self.leafSize < count { leaves *= 2 }
    let capacity = 4 * leaves
    boxes = .allocate(capacity: capacity * 2 * dimension)
    boxes.initialize(repeating: 0, count: capacity * 2 * dimension)
    nodes.reserveCapacity(capacity)
    samples.values.withUnsafeBufferPointer { values in
      _ = build(values, 0, count)
      for place in 0..<count {
        let row = Int(order[place]) * dimension
        for d in 0..<dimension { coordinates[d * stride + place] = values[row + d] }
      }
    }
  }

  deinit {
    coordinates.deallocate()
    boxes.deallocate()
  }

  private func build(_ values: UnsafeBufferPointer<Double>, _ start: Int, _ end: Int) -> Int32 {
    let node = nodes.count
    nodes.append(Node(start: Int32(start), end: Int32(end), left: -1, right: -1))
    let low = boxes + node * 2 * dimension
    let high = low + dimension
    var (widest, extent) = (0, -1.0)
    for d in 0..<dimension {
      var (least, most) = (Double.infinity, -Double.infinity)
      for place in start..<end {
        let value = values[Int(order[place]) * dimension + d]
        least = min(least, value)
        most = max(most, value)
      }
      (low[d], high[d]) = (least, most)
      if most - least > extent { (widest, extent) = (d, most - least) }
    }
    guard end - start > Self.leafSize, extent > 0 else { return Int32(node) }
    let middle = (start + end) / 2
    select(values, start, end, middle, widest)
    let left = build(values, start, middle)
    let right = build(values, middle, end)
    (nodes[node].left, nodes[node].right) = (left, right)
    return Int32(node)
  }

  /// Hoare's selection: what is smaller along dimension `d` goes before `middle`.
  private func select(
    _ values: UnsafeBufferPointer<Double>, _ start: Int, _ end: Int, _ middle: Int, _ d: Int
  ) {
    order.withUnsafeMutableBufferPointer { order in
      func value(_ place: Int) -> Double { values[Int(order[place]) * dimension + d] }
      var (low, high) = (start, end - 1)
      while low < high {
        let a = value(low), b = value((low + high) / 2), c = value(high)
        let pivot = max(min(a, b), min(max(a, b), c))
        var (i, j) = (low, high)
        while i <= j {
          while value(i) < pivot { i += 1 }
          while value(j) > pivot { j -= 1 }
          if i <= j {
            order.swapAt(i, j)
            i += 1
            j -= 1
          }
        }
        if middle <= j { high = j } else if middle >= i { low = i } else { return }
      }
    }
  }

  // MARK: - Queries

  /// What a thread needs for its queries.
  final class Scratch {
    fileprivate var stack = [(node: Int32, distance: Double)]()
    /// Distances of the nearest so far, ascending, and their places in the tree.
    fileprivate(set) var nearest: [Double]
    fileprivate(set) var places: [Int32]
    fileprivate let distances: UnsafeMutablePointer<SIMD8<Double>>
    fileprivate let point: UnsafeMutablePointer<Double>

    init(neighbors: Int, dimension: Int) {
      nearest = [Double](repeating: .infinity, count: neighbors)
      places = [Int32](repeating: -1, count: neighbors)
      stack.reserveCapacity(128)
      distances = .allocate(capacity: NeighborTree.leafSize / 8 + 2)
      distances.initialize(repeating: .zero, count: NeighborTree.leafSize / 8 + 2)
      point = .allocate(capacity: dimension)
      point.initialize(repeating: 0, count: dimension)
    }

    deinit {
      distances.deallocate()
      point.deallocate()
    }
  }

  /// One coordinate of the point at a place.
  func coordinate(_ place: Int, _ d: Int) -> Double { coordinates[d * stride + place] }

  /// Fills `scratch.nearest` with the distances of the nearest neighbours of the point at `place`, itself left out.
  func findNearest(of place: Int, _ scratch: Scratch) {
    let neighbors = scratch.nearest.count
    for i in 0..<neighbors {
      scratch.nearest[i] = .infinity
      scratch.places[i] = -1
    }
    for d in 0..<dimension { scratch.point[d] = coordinates[d * stride + place] }
    scratch.stack.removeAll(keepingCapacity: true)
    scratch.stack.append((0, 0))
    while let (number, distance) = scratch.stack.popLast() {
      if distance >= scratch.nearest[neighbors - 1] { continue }
      let node = nodes[Int(number)]
      if node.left < 0 {
        scanNearest(node, place, scratch)
        continue
      }
      let left = distanceToBox(Int(node.left), scratch.point)
      let right = distanceToBox(Int(node.right), scratch.point)
      // The nearer child is visited first: it lies on top.
      if left <= right {
        scratch.stack.append((node.right, right))
        scratch.stack.append((node.left, left))
      } else {
        scratch.stack.append((node.left, left))
        scratch.stack.append((node.right, right))
      }
    }
  }

  private func distanceToBox(_ node: Int, _ point: UnsafePointer<Double>) -> Double {
    let low = boxes + node * 2 * dimension
    let high = low + dimension
    var distance = 0.0
    for d in 0..<dimension {
      distance = max(distance, max(low[d] - point[d], point[d] - high[d]))
    }
    return distance
  }

  private func scanNearest(_ node: Node, _ place: Int, _ scratch: Scratch) {
    let (start, end) = (Int(node.start), Int(node.end))
    let last = scratch.nearest.count - 1
    forEachVector(start, end, scratch) { first, distances in
      let close = distances .< SIMD8(repeating: scratch.nearest[last])
      guard any(close) else { return }
      for lane in 0..<8 where close[lane] {
        let found = first + lane
        let distance = distances[lane]
        guard found < end, found != place, distance < scratch.nearest[last] else { continue }
        var position = last
        while position > 0, scratch.nearest[position - 1] > distance {
          scratch.nearest[position] = scratch.nearest[position - 1]
          scratch.places[position] = scratch.places[position - 1]
          position -= 1
        }
        scratch.nearest[position] = distance
        scratch.places[position] = Int32(found)
      }
    }
  }

  /// Distances of eight points at a time from the scratch's point.
  @inline(__always)
  private func forEachVector(
    _ start: Int, _ end: Int, _ scratch: Scratch, _ body: (Int, SIMD8<Double>) -> Void
  ) {
    var first = start
    while first < end {
      var most = SIMD8<Double>.zero
      for d in 0..<dimension {
        let values = UnsafeRawPointer(coordinates + d * stride + first)
          .loadUnaligned(as: SIMD8<Double>.self)
        let gap = values - SIMD8(repeating: scratch.point[d])
        let size = gap.replacing(with: -gap, where: gap .< 0)
        most = most.replacing(with: size, where: size .> most)
      }
      body(first, most)
      first += 8
    }
  }

  /// Number of points strictly nearer to the point at `place` than `radius`, itself left out; with `including`, also
  /// those exactly as far.
  func countNear(_ place: Int, radius: Double, including: Bool = false, _ scratch: Scratch) -> Int {
    for d in 0..<dimension { scratch.point[d] = coordinates[d * stride + place] }
    var total = 0
    scratch.stack.removeAll(keepingCapacity: true)
    scratch.stack.append((0, 0))
    while let (number, _) = scratch.stack.popLast() {
      let node = nodes[Int(number)]
      let (nearest, farthest) = rangeToBox(Int(number), scratch.point)
      if including ? nearest > radius : nearest >= radius { continue }
      if including ? farthest <= radius : farthest < radius {
        total += Int(node.end - node.start)
        continue
      }
      if node.left < 0 {
        let (start, end) = (Int(node.start), Int(node.end))
        let limit = SIMD8(repeating: radius)
        forEachVector(start, end, scratch) { first, distances in
          let near = including ? distances .<= limit : distances .< limit
          guard any(near) else { return }
          for lane in 0..<min(8, end - first) where near[lane] { total += 1 }
        }
      } else {
        scratch.stack.append((node.left, 0))
        scratch.stack.append((node.right, 0))
      }
    }
    // The point itself lies at distance 0.
    return including || radius > 0 ? total - 1 : total
  }

  private func rangeToBox(_ node: Int, _ point: UnsafePointer<Double>) -> (Double, Double) {
    let low = boxes + node * 2 * dimension
    let high = low + dimension
    var (nearest, farthest) = (0.0, 0.0)
    for d in 0..<dimension {
      nearest = max(nearest, max(low[d] - point[d], point[d] - high[d]))
      farthest = max(farthest, max(point[d] - low[d], high[d] - point[d]))
    }
    return (nearest, farthest)
  }
}
