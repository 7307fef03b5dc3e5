import Kernels

/// Neighbours by all pairwise distances, in blocks of rows by matrix products: the Euclidean norm on each side, the
/// maximum of both for pairs.
///
/// Distances come from |a|² + |b|² - 2 a·b of centred values in double precision: their relative error grows as
/// 1e-16 |a|²/d², which no neighbour rank of real data sees.
struct PairwiseNeighbors {
  private let sides: [Side]
  private let count: Int

  private struct Side: Sendable {
    let values: [Double]
    let squares: [Double]
    let dimension: Int

    init(_ samples: SampleMatrix) {
      let (count, dimension) = (samples.count, samples.dimension)
      var values = samples.values
      for column in 0..<dimension {
        var mean = 0.0
        for row in 0..<count { mean += values[row * dimension + column] }
        mean /= Double(count)
        for row in 0..<count { values[row * dimension + column] -= mean }
      }
      self.values = values
      self.dimension = dimension
      squares = (0..<count).map { row in
        (0..<dimension).reduce(0.0) {
          $0 + values[row * dimension + $1] * values[row * dimension + $1]
        }
      }
    }

    /// Squared distances of rows `start ..< start + rows` to all: `[row, sample]`.
    func distances(_ start: Int, _ rows: Int, to out: UnsafeMutablePointer<Double>) {
      let count = squares.count
      values.withUnsafeBufferPointer { x in
        guard let x = x.baseAddress else { return }
        Double.gemm(
          MatrixProduct(
            m: rows, n: count, k: dimension, alpha: -2, a: x + start * dimension, lda: dimension,
            b: x, ldb: dimension, transposeB: true, beta: 0, c: out, ldc: count))
      }
      squares.withUnsafeBufferPointer { squares in
        for row in 0..<rows {
          let line = out + row * count
          let own = squares[start + row]
          for j in 0..<count {
            let distance = line[j] + own + squares[j]
            line[j] = distance > 0 ? distance : 0
          }
          line[start + row] = .infinity
        }
      }
    }
  }

  init(_ pairs: PairedSamples) {
    sides = [Side(pairs.x), Side(pairs.y)]
    count = pairs.count
  }

  private static let block = 16

  func terms(_ k: Int, _ variant: Kraskov.Variant, _ pool: WorkerPool) -> Kraskov.Terms {
    let digamma = DigammaTable(count + 1)
    let blocks = (count + Self.block - 1) / Self.block
    var parts = [Kraskov.Terms](repeating: Kraskov.Terms(), count: blocks)
    let memory = (0..<pool.threadCount).map { _ in Buffer<Double>(2 * Self.block * count) }
    parts.withUnsafeMutableBufferPointer { parts in
      nonisolated(unsafe) let parts = parts
      pool.forEach(blocks) { item, worker in
        let start = item * Self.block
        let rows = min(Self.block, count - start)
        let x = memory[worker].start
        let y = x + Self.block * count
        sides[0].distances(start, rows, to: x)
        sides[1].distances(start, rows, to: y)
        var terms = Kraskov.Terms()
        var nearest = [(distance: Double, place: Int)](repeating: (.infinity, 0), count: k)
        for row in 0..<rows {
          let (x, y) = (x + row * count, y + row * count)
          nearest.withUnsafeMutableBufferPointer { findNearest(x, y, $0) }
          let radius = nearest[k - 1].distance
          if radius == 0 { terms.ties += 1 }
          if variant == .one {
            terms.sum += digamma[countNear(x, radius) + 1] + digamma[countNear(y, radius) + 1]
          } else {
            for line in [x, y] {
              let reach = nearest.reduce(0) { max($0, line[$1.place]) }
              var near = 0
              for j in 0..<count { near += line[j] <= reach ? 1 : 0 }
              terms.sum += digamma[max(1, near)]
            }
          }
        }
        parts[item] = terms
      }
    }
    return parts.reduce(into: Kraskov.Terms()) {
      $0.sum += $1.sum
      $0.ties += $1.ties
    }
  }

  private func findNearest(
    _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>,
    _ nearest: UnsafeMutableBufferPointer<(distance: Double, place: Int)>
  ) {
    let last = nearest.count - 1
    for i in 0...last { nearest[i] = (.infinity, 0) }
    for j in 0..<count {
      let distance = x[j] > y[j] ? x[j] : y[j]
      guard distance < nearest[last].distance else { continue }
      var position = last
      while position > 0, nearest[position - 1].distance > distance {
        nearest[position] = nearest[position - 1]
        position -= 1
      }
      nearest[position] = (distance, j)
    }
  }

  /// Strictly nearer; where k neighbours are equal to the point, those equal.
  private func countNear(_ line: UnsafePointer<Double>, _ radius: Double) -> Int {
    var near = 0
    if radius > 0 {
      for j in 0..<count { near += line[j] < radius ? 1 : 0 }
    } else {
      for j in 0..<count { near += line[j] <= 0 ? 1 : 0 }
    }
    return near
  }
}
