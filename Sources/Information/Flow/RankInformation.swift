import Kernels

/// Gaussian information of the normal scores of both sides, and its derivatives by the values before ranking.
///
/// A column's map to its scores is taken for a fixed smooth function, whose slope is that of the empirical quantiles over
/// a thirtieth of the samples.
enum RankInformation {
  /// Of `x` and `y`, `[sample, column]`; nil for singular scores. Derivatives are left out unless wanted.
  static func of(
    _ x: [Double], _ y: [Double], _ dx: Int, _ dy: Int, gradient: Bool, _ pool: WorkerPool
  ) -> (value: Double, x: [Double], y: [Double])? {
    let count = x.count / dx
    let width = dx + dy
    let levels = (0..<count).map { normalQuantile((Double($0) + 0.5) / Double(count)) }
    var joint = [Double](repeating: 0, count: count * width)
    var slopes = gradient ? joint : [0]
    joint.withUnsafeMutableBufferPointer { joint in
      slopes.withUnsafeMutableBufferPointer { slopes in
        nonisolated(unsafe) let (joint, slopes) = (joint, slopes)
        pool.forEach(width) { column, _ in
          let values = (0..<count).map {
            column < dx ? x[$0 * dx + column] : y[$0 * dy + column - dx]
          }
          let order = values.indices.sorted {
            values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1]
          }
          let reach = max(5, count / 60)
          // Equal values share the score of their mean rank, in whatever order they stand.
          var shared = levels
          var start = 0
          while start < count {
            var end = start
            while end + 1 < count, values[order[end + 1]] == values[order[start]] { end += 1 }
            if end > start {
              let score = normalQuantile((Double(start + end) / 2 + 0.5) / Double(count))
              for place in start...end { shared[place] = score }
            }
            start = end + 1
          }
          for (place, row) in order.enumerated() {
            joint[row * width + column] = shared[place]
            guard gradient else { continue }
            let (low, high) = (max(0, place - reach), min(count - 1, place + reach))
            slopes[row * width + column] =
              (shared[high] - shared[low]) / (values[order[high]] - values[order[low]] + 1e-300)
          }
        }
      }
    }
    guard
      let found = GaussianObjective.of(joint, dx, dy, ridge: 1e-6, gradient: gradient)
    else { return nil }
    guard gradient else { return (found.value, [], []) }
    var (left, right) = (x, y)
    for row in 0..<count {
      for column in 0..<width {
        let place = row * width + column
        let slope = found.gradient[place] * slopes[place]
        if column < dx {
          left[row * dx + column] = slope
        } else {
          right[row * dy + column - dx] = slope
        }
      }
    }
    return (found.value, left, right)
  }
}
