import Foundation
import Kernels

/// Looks for the twists of both sides after which normal scores tell most of each other.
///
/// How much they tell as a function of the speed of a rotation has narrow peaks, so that learning needs starts: from
/// ``MarginScan``, which sees each side alone; from a grid of the speeds of both sides in the units and about the origin the
/// values came with; and, in few dimensions, from random metrics, for columns with units of their own. The last two are
/// judged by ``PhaseFeatures``, which need no plane. Cost: a grid of 22 x 22 Cholesky decompositions of 3 (dx + dy) columns
/// and about 250 steps of learning.
struct TwistSearch {
  private let x: FlowSide, y: FlowSide
  private let pool: WorkerPool
  private let seed: UInt64
  /// Most columns of a side; a rotation that many share turns each of them little.
  static let mostColumns = 40
  private static let screened = 1500
  private static let learned = 2500

  /// Rows are in random order.
  init(_ x: FlowSide, _ y: FlowSide, seed: UInt64, _ pool: WorkerPool) {
    (self.x, self.y, self.seed, self.pool) = (x, y, seed, pool)
  }

  /// The best pair of twists found.
  func best() -> TwistFit? {
    let few = (x.rows(0..<min(x.count, Self.learned)), y.rows(0..<min(y.count, Self.learned)))
    var fits = starts().map { TwistFit($0, few.0, few.1, pool) }
      .filter { $0.value.isFinite }
    fits.sort { $0.value > $1.value }
    fits = Array(fits.prefix(3))
    for place in fits.indices {
      fits[place].learn(few.0, few.1, steps: 50, rate: 0.02, pool)
    }
    guard var best = fits.max(by: { $0.value < $1.value }) else { return nil }
    best = TwistFit((best.x, best.y), x, y, pool)
    best.learn(x, y, steps: 60, rate: 0.01, pool)
    best.learn(x, y, steps: 40, rate: 0.003, pool)
    return best
  }

  /// The best pair of twists in planes of their own after others that are undone already, of which these sides are the images:
  /// lengths are theirs, so that only the speed beside theirs is to be tried. Nil where it tells no more than `least`, in nats.
  func another(telling least: Double) -> TwistFit? {
    let few = (x.rows(0..<min(x.count, Self.learned)), y.rows(0..<min(y.count, Self.learned)))
    let squares = [few.0, few.1].map { $0.originalSquares }
    let starts = [0.25, 0.5, 1, 2, 4].compactMap { speed -> (x: Twist, y: Twist)? in
      let features = (
        PhaseFeatures.of(few.0, squares[0].map { speed * $0 }),
        PhaseFeatures.of(few.1, squares[1].map { speed * $0 })
      )
      guard
        let planes = PhaseFeatures.planes((features.0, x.dimension), (features.1, y.dimension))
      else { return nil }
      return (x.twist(speed: speed, planes[0]), y.twist(speed: speed, planes[1]))
    }
    var fits = starts.map { TwistFit($0, few.0, few.1, pool) }.filter { $0.value.isFinite }
    fits.sort { $0.value > $1.value }
    guard var best = fits.first else { return nil }
    best.learn(few.0, few.1, steps: 50, rate: 0.02, pool)
    guard best.value > least else { return nil }
    best = TwistFit((best.x, best.y), x, y, pool)
    best.learn(x, y, steps: 60, rate: 0.01, pool)
    return best.value > least ? best : nil
  }

  private func starts() -> [(x: Twist, y: Twist)] {
    let none = (Twist.none(x.dimension), Twist.none(y.dimension))
    let margins = (MarginScan.find(x, pool), MarginScan.find(y, pool))
    var result = [none]
    if margins.0 != nil || margins.1 != nil {
      result.append((margins.0 ?? none.0, margins.1 ?? none.1))
    }
    return result + gridStarts() + randomStarts() + slowStarts()
  }

  // MARK: - A grid of speeds

  private struct Bank {
    var features: [Double], covariance: [Double], speed: Double
  }

  private func bank(_ side: FlowSide) -> [Bank] {
    let squares = side.originalSquares
    let d = side.dimension
    return MarginScan.speeds(squares, 22).map { speed in
      let features = PhaseFeatures.of(side, squares.map { speed * $0 })
      var covariance = GaussianObjective.product(features, 3 * d, features, 3 * d, side.count)
      for i in 0..<3 * d { covariance[i * 3 * d + i] += 1e-2 }
      return Bank(features: features, covariance: covariance, speed: speed)
    }
  }

  private func gridStarts() -> [(x: Twist, y: Twist)] {
    let sides = (x.rows(0..<min(x.count, Self.screened)), y.rows(0..<min(y.count, Self.screened)))
    let banks = (bank(sides.0), bank(sides.1))
    let (p, q) = (3 * x.dimension, 3 * y.dimension)
    let owns = (
      banks.0.map { SymmetricMatrix.logDeterminant($0.covariance, count: p) },
      banks.1.map { SymmetricMatrix.logDeterminant($0.covariance, count: q) }
    )
    let cells = banks.0.count * banks.1.count
    var values = [Double](repeating: -.infinity, count: cells)
    values.withUnsafeMutableBufferPointer { values in
      nonisolated(unsafe) let values = values
      pool.forEach(cells) { cell, _ in
        let (i, j) = (cell / banks.1.count, cell % banks.1.count)
        let (a, b) = (banks.0[i], banks.1[j])
        let cross = GaussianObjective.product(a.features, p, b.features, q, sides.0.count)
        var joint = [Double](repeating: 0, count: (p + q) * (p + q))
        for row in 0..<p {
          for column in 0..<p { joint[row * (p + q) + column] = a.covariance[row * p + column] }
          for column in 0..<q {
            joint[row * (p + q) + p + column] = cross[row * q + column]
            joint[(p + column) * (p + q) + row] = cross[row * q + column]
          }
        }
        for row in 0..<q {
          for column in 0..<q {
            joint[(p + row) * (p + q) + p + column] = b.covariance[row * q + column]
          }
        }
        guard let left = owns.0[i], let right = owns.1[j],
          let whole = SymmetricMatrix.logDeterminant(joint, count: p + q)
        else { return }
        values[cell] = 0.5 * (left + right - whole)
      }
    }
    let order = values.indices.sorted { values[$0] > values[$1] }.prefix(8)
    return order.compactMap { cell in
      let (a, b) = (banks.0[cell / banks.1.count], banks.1[cell % banks.1.count])
      guard
        let planes = PhaseFeatures.planes((a.features, x.dimension), (b.features, y.dimension))
      else { return nil }
      return (x.twist(speed: a.speed, planes[0]), y.twist(speed: b.speed, planes[1]))
    }
  }

  // MARK: - Random metrics

  private func randomStarts() -> [(x: Twist, y: Twist)] {
    guard x.dimension + y.dimension <= 20 else { return [] }
    let sides = (x.rows(0..<min(x.count, Self.screened)), y.rows(0..<min(y.count, Self.screened)))
    let few = x.dimension + y.dimension <= 10
    let tries = few ? 1000 : 150
    var random = Philox(seed: seed, purpose: .fitting, index: 1 << 20)
    let metrics = (0..<tries).map { place in
      [x.dimension, y.dimension].map { d -> [Double] in
        let speed = 16 / (2 * Double(d)).squareRoot() * exp(-4.5 * random.uniform())
        return (0..<d).map { _ in
          place % 2 == 0 ? speed : speed * exp(random.normal())
        }
      }
    }
    var values = [Double](repeating: -.infinity, count: tries)
    values.withUnsafeMutableBufferPointer { values in
      nonisolated(unsafe) let values = values
      pool.forEach(tries) { place, _ in
        values[place] =
          PhaseFeatures.information(
            sides.0, sides.1, (metrics[place][0], metrics[place][1]), gradient: false)?.value
          ?? -.infinity
      }
    }
    let chosen = values.indices.sorted { values[$0] > values[$1] }.prefix(few ? 40 : 12)
      .map { metrics[$0] }
    var learned = [(value: Double, metric: [[Double]])](
      repeating: (-.infinity, []), count: chosen.count)
    learned.withUnsafeMutableBufferPointer { learned in
      nonisolated(unsafe) let learned = learned
      pool.forEach(chosen.count) { place, _ in
        learned[place] = climb(sides.0, sides.1, chosen[place])
      }
    }
    return learned.sorted { $0.value > $1.value }.prefix(4).compactMap { found in
      guard found.metric.count == 2 else { return nil }
      let features = (
        PhaseFeatures.of(sides.0, sides.0.squares(found.metric[0])),
        PhaseFeatures.of(sides.1, sides.1.squares(found.metric[1]))
      )
      guard
        let planes = PhaseFeatures.planes((features.0, x.dimension), (features.1, y.dimension))
      else { return nil }
      return (
        Self.twist(found.metric[0], planes[0]), Self.twist(found.metric[1], planes[1])
      )
    }
  }

  /// A twist about the mean with this metric.
  private static func twist(
    _ metric: [Double], _ plane: (first: [Double], second: [Double])
  ) -> Twist {
    let most = metric.reduce(0) { max($0, abs($1)) }
    let scale = metric.map { max($0, 1e-3 * most + 1e-6).squareRoot() }
    var twist = Twist(
      logScale: scale.map { log($0) }, centre: [Double](repeating: 0, count: metric.count),
      first: zip(plane.first, scale).map { $0 / $1 },
      second: zip(plane.second, scale).map { $0 / $1 })
    twist.straighten()
    return twist
  }

  private func climb(
    _ x: FlowSide, _ y: FlowSide, _ start: [[Double]]
  ) -> (value: Double, metric: [[Double]]) {
    var (current, best) = (start, (value: -Double.infinity, metric: start))
    var moments = start.map { side in side.map { _ in (first: 0.0, second: 0.0) } }
    let steps = 50
    for step in 1...steps {
      guard
        let found = PhaseFeatures.information(x, y, (current[0], current[1]), gradient: true)
      else { break }
      if found.value > best.value { best = (found.value, current) }
      let rate = 0.07 * min(1, 3 * (1 - Double(step) / Double(steps)) + 0.05)
      for (side, slopes) in [found.x, found.y].enumerated() {
        for (i, slope) in slopes.enumerated() {
          let first = 0.9 * moments[side][i].first + 0.1 * slope
          let second = 0.99 * moments[side][i].second + 0.01 * slope * slope
          moments[side][i] = (first, second)
          let corrected = (
            first / (1 - pow(0.9, Double(step))), second / (1 - pow(0.99, Double(step)))
          )
          current[side][i] += rate * corrected.0 / (corrected.1.squareRoot() + 1e-12)
        }
      }
    }
    return best
  }

  // MARK: - Slow ones

  /// Rotations so slow that they are found from anywhere.
  private func slowStarts() -> [(x: Twist, y: Twist)] {
    var random = Philox(seed: seed, purpose: .fitting, index: 1 << 21)
    return [0.15, 0.4].map { share in
      let sides = [x.dimension, y.dimension].map { d -> Twist in
        var twist = Twist(
          logScale: [Double](
            repeating: 0.5 * log(share / (2 * Double(d)).squareRoot()), count: d),
          centre: [Double](repeating: 0, count: d),
          first: (0..<d).map { _ in random.normal() }, second: (0..<d).map { _ in random.normal() })
        twist.straighten()
        return twist
      }
      return (sides[0], sides[1])
    }
  }
}
