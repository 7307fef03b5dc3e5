import Foundation
import Kernels

/// ``Kraskov`` with a correction for local non-uniformity (Gao, Ver Steeg & Galstyan 2015, LNC), in nats.
///
/// Kraskov's estimator takes the density for constant in the box of the k nearest neighbours of a pair. Where both sides are
/// nearly functions of each other the neighbours lie along a thin slanted body in it. With Vᵢ the volume of the smallest
/// box along the axes about pair i that holds them, and V̄ᵢ that of the box along their principal axes,
///
///     I = I₁ - (1/n) Σᵢ min(0, ln V̄ᵢ / Vᵢ) over pairs with V̄ᵢ / Vᵢ < a(k, d)
///
/// where a is the ratio that k evenly spread points undercut in one of 200 draws (algorithm 1 there, ε = 0.005). Cost: as
/// Kraskov's, and n eigenvectors of d × d, d = dx + dy.
///
/// What does not hold: k neighbours must span d dimensions, so that boxes grow with d (flag `highDimension` beyond five); a
/// body that bends within the box is not seen. Margins are taken for even, which biases the value up where they are not: a
/// side that is thin by itself is counted as if the other told it (flag `misspecified` where the neighbours of more than
/// 5 % of a side's samples lie along such a body).
public struct LocalNonUniformity: MutualInformationEstimator {
  /// Neighbours, at least; d + 2 where that is more.
  public var neighborCount: Int
  private static let draws = 1000
  private static let share = 0.005
  /// Share of a side's samples in thin bodies above which the side itself is called thin.
  private static let mostThin = 0.05

  /// An estimator with `neighborCount` neighbours or more.
  public init(neighborCount: Int = 10) { self.neighborCount = neighborCount }

  /// Name on the command line and in archives.
  public var name: String { "lnc" }
  /// Its settings in words.
  public var settings: String { "ksg with k = \(neighborCount), boxes along principal axes" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .density }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let (value, found) = try corrected(pairs, pool)
    var flags = found
    let k = neighbors(pairs)
    let isThin = [pairs.x, pairs.y].contains { side in
      guard side.dimension > 1 else { return false }
      return thinness(side, k, pool) { _ in 1 } > Self.mostThin * Double(side.count)
    }
    if isThin { flags.insert(.misspecified) }
    return (value, flags)
  }

  /// See ``MutualInformationEstimator/bareValue(_:_:)``.
  public func bareValue(_ pairs: PairedSamples, _ pool: WorkerPool) throws -> Double {
    try corrected(pairs, pool).value
  }

  private func neighbors(_ pairs: PairedSamples) -> Int {
    max(neighborCount, pairs.x.dimension + pairs.y.dimension + 2)
  }

  private func corrected(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let k = neighbors(pairs)
    let found = try Kraskov(neighborCount: k).value(pairs, pool)
    let correction = thinness(pairs.x.beside(pairs.y), k, pool) { $0 }
    return (found.value - correction / Double(pairs.count), found.flags)
  }

  /// Sum of `measure` of ln V̄ / V over the samples whose neighbours lie along a thin body.
  private func thinness(
    _ side: SampleMatrix, _ k: Int, _ pool: WorkerPool,
    _ measure: @escaping @Sendable (Double) -> Double
  ) -> Double {
    let d = side.dimension
    let limit = Self.limit(k, d)
    let tree = NeighborTree(side)
    let found = tree.sum(neighbors: k, pool) { place, near, _ in
      let offsets = near.places.prefix(k).filter { $0 >= 0 }.flatMap { neighbor in
        (0..<d).map { tree.coordinate(Int(neighbor), $0) - tree.coordinate(place, $0) }
      }
      let ratio = Self.logRatio(offsets, d)
      return ratio < limit ? measure(ratio) : 0
    }
    return found.sum
  }

  /// ln V̄ / V of points `[point, d]` about the origin; 0 for a box without volume.
  private static func logRatio(_ offsets: [Double], _ d: Int) -> Double {
    let count = offsets.count / d
    guard count > d else { return 0 }
    var covariance = [Double](repeating: 0, count: d * d)
    var plain = 0.0
    for i in 0..<d {
      var most = 0.0
      for point in 0..<count { most = max(most, abs(offsets[point * d + i])) }
      plain += log(most)
      for j in 0...i {
        var sum = 0.0
        for point in 0..<count { sum += offsets[point * d + i] * offsets[point * d + j] }
        covariance[i * d + j] = sum / Double(count)
        covariance[j * d + i] = sum / Double(count)
      }
    }
    guard let (_, vectors) = SymmetricMatrix.eigenvectors(covariance, count: d) else { return 0 }
    var turned = 0.0
    for axis in 0..<d {
      var most = 0.0
      for point in 0..<count {
        var along = 0.0
        for i in 0..<d { along += offsets[point * d + i] * vectors[axis * d + i] }
        most = max(most, abs(along))
      }
      turned += log(most)
    }
    let ratio = turned - plain
    return ratio.isFinite ? ratio : 0
  }

  /// ln a(k, d).
  private static func limit(_ k: Int, _ d: Int) -> Double {
    var random = Philox(seed: 1, purpose: .noise, index: 1 << 25)
    let ratios = (0..<draws).map { _ in
      logRatio((0..<k * d).map { _ in 2 * random.uniform() - 1 }, d)
    }
    return ratios.sorted()[Int(share * Double(draws))]
  }
}
