import Foundation
import Kernels

/// Twists of one side that make its columns less spread out than they are: the columns of a twisted cube, or of anything but
/// a normal distribution, have less entropy before the twist, as a rotation leaves the volume and so the joint entropy.
///
/// Planes of two columns and the speed are searched in the units and about the origin the values came with. Columns are
/// seen two at a time, so that the other side is not needed.
enum MarginScan {
  /// The twist after which two columns' entropies are least; nil when none gains more than the noise of the estimate.
  static func find(_ side: FlowSide, _ pool: WorkerPool) -> Twist? {
    let d = side.dimension
    guard d >= 2 else { return nil }
    let values = side.original
    let used = min(side.count, d <= 10 ? 2000 : 1000)
    let columns = (0..<d).map { c in (0..<side.count).map { values[$0 * d + c] } }
    let squares = (0..<side.count).map { row in columns.reduce(0) { $0 + $1[row] * $1[row] } }
    let speeds = Self.speeds(squares, d <= 10 ? 30 : 14)
    let own = columns.map { entropy(Array($0.prefix(used))) }
    var gains = [(gain: Double, speed: Double, i: Int, j: Int)](
      repeating: (-.infinity, 0, 0, 0), count: speeds.count)
    gains.withUnsafeMutableBufferPointer { gains in
      nonisolated(unsafe) let gains = gains
      pool.forEach(speeds.count) { place, _ in
        let angles = squares.prefix(used).map { speeds[place] * $0 }
        let turns = (angles.map { cos($0) }, angles.map { sin($0) })
        for i in 0..<d {
          for j in 0..<d where i != j {
            let gain = own[i] + own[j] - turned(columns[i], columns[j], turns)
            if gain > gains[place].gain { gains[place] = (gain, speeds[place], i, j) }
          }
        }
      }
    }
    guard let best = gains.max(by: { $0.gain < $1.gain }), best.gain > 0.05 else { return nil }
    // The gain is steep in the speed where columns end sharply: two finer rounds over all samples.
    var speed = best.speed
    for reach in [0.25, 0.012] {
      let tried = (0...60).map { speed * (1 + reach * (Double($0) / 30 - 1)) }
      var entropies = [Double](repeating: 0, count: tried.count)
      entropies.withUnsafeMutableBufferPointer { entropies in
        nonisolated(unsafe) let entropies = entropies
        pool.forEach(tried.count) { place, _ in
          let angles = squares.map { tried[place] * $0 }
          entropies[place] = turned(
            columns[best.i], columns[best.j], (angles.map { cos($0) }, angles.map { sin($0) }))
        }
      }
      speed = tried[entropies.indices.min { entropies[$0] < entropies[$1] } ?? 30]
    }
    var plane = (
      first: [Double](repeating: 0, count: d), second: [Double](repeating: 0, count: d)
    )
    plane.first[best.i] = side.scale[best.i]
    plane.second[best.j] = side.scale[best.j]
    return side.twist(speed: speed, plane)
  }

  /// Speeds at which angles spread over a twentieth of a radian to six.
  static func speeds(_ squares: [Double], _ count: Int) -> [Double] {
    let mean = squares.reduce(0, +) / Double(squares.count)
    let spread =
      (squares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(squares.count)).squareRoot()
    guard spread > 0 else { return [] }
    return (0..<count).map {
      0.05 * exp(log(120) * Double($0) / Double(count - 1)) / spread
    }
  }

  private static func turned(
    _ a: [Double], _ b: [Double], _ turns: (cosine: [Double], sine: [Double])
  ) -> Double {
    let rows = turns.cosine.indices
    let first = rows.map { turns.cosine[$0] * a[$0] - turns.sine[$0] * b[$0] }
    let second = rows.map { turns.sine[$0] * a[$0] + turns.cosine[$0] * b[$0] }
    return entropy(first) + entropy(second)
  }

  /// Vasicek's (1976) entropy from spacings of √n / 2, up to a constant of n.
  private static func entropy(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let step = max(3, Int(Double(values.count).squareRoot() / 2))
    var sum = 0.0
    for place in step..<sorted.count { sum += log(sorted[place] - sorted[place - step] + 1e-300) }
    return sum / Double(sorted.count - step)
  }
}
