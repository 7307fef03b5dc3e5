import Foundation
import Kernels

/// I(X;Y|Z) in nats.
public enum ConditionalInformation {
  /// Nearest neighbours (Frenzel & Pompe 2007): ψ(k) - ⟨ψ(n_xz + 1) + ψ(n_yz + 1) - ψ(n_z + 1)⟩, the counts within the
  /// distance to the k-th neighbour in (X, Y, Z).
  ///
  /// What does not hold: as for ``Kraskov``, and sooner, since all three spaces count.
  /// - Throws: ``EstimationError`` for samples of unequal number, or fewer than k + 2.
  public static func nearestNeighbours(
    _ x: SampleMatrix, _ y: SampleMatrix, given z: SampleMatrix, neighborCount: Int = 5,
    _ pool: WorkerPool
  ) throws -> Double {
    let pairs = try PairedSamples(x, y)
    _ = try PairedSamples(x, z)
    try Kraskov.check(pairs, neighborCount)
    let joint = NeighborTree(x.beside(y).beside(z))
    let (xz, yz, only) = (NeighborTree(x.beside(z)), NeighborTree(y.beside(z)), NeighborTree(z))
    let digamma = DigammaTable(x.count + 1)
    let trees = [xz, yz, only]
    let places = trees.map { tree -> [Int] in
      var places = [Int](repeating: 0, count: tree.count)
      for (place, sample) in tree.order.enumerated() { places[Int(sample)] = place }
      return places
    }
    let sum = joint.sum(neighbors: neighborCount, pool) { place, near, scratch in
      let radius = near.nearest[neighborCount - 1]
      let sample = Int(joint.order[place])
      return zip(0..<3, [1.0, 1, -1]).reduce(0) { sum, item in
        let count = trees[item.0].countNear(
          places[item.0][sample], radius: radius, including: radius == 0, scratch)
        return sum + item.1 * digamma[count + 1]
      }
    }.sum
    return digamma[neighborCount] - sum / Double(x.count)
  }

  /// ½ ln |Σxz| |Σyz| / |Σz| |Σxyz| of the normal distribution with the samples' covariance, its bias for normal data
  /// subtracted: I(X; Y,Z) - I(X; Z).
  /// - Throws: ``EstimationError``, see ``GaussianInformation``.
  public static func gaussian(
    _ x: SampleMatrix, _ y: SampleMatrix, given z: SampleMatrix
  ) throws -> Double {
    try GaussianInformation.information(PairedSamples(x, y.beside(z)))
      - GaussianInformation.information(PairedSamples(x, z))
  }
}

/// Differential entropy h(X) in nats, where an estimator defines one. It changes with the units of X.
public enum DifferentialEntropy {
  /// Kozachenko & Leonenko (1987) in the maximum norm: ψ(n) - ψ(k) + d ⟨ln 2r⟩, r the distance to the k-th neighbour.
  /// - Throws: ``EstimationError`` for fewer than k + 2 samples, or equal ones, whose entropy is -∞.
  public static func nearestNeighbours(_ x: SampleMatrix, neighborCount: Int = 5) throws -> Double {
    guard x.count > neighborCount + 1 else {
      throw EstimationError(
        message: "\(neighborCount) neighbours need more samples than \(x.count)")
    }
    let tree = NeighborTree(x)
    let scratch = NeighborTree.Scratch(neighbors: neighborCount, dimension: x.dimension)
    var sum = 0.0
    for place in 0..<x.count {
      tree.findNearest(of: place, scratch)
      let radius = scratch.nearest[neighborCount - 1]
      guard radius > 0 else {
        throw EstimationError(
          message:
            "\(neighborCount + 1) samples are equal: the differential entropy is -∞; use binning")
      }
      sum += log(2 * radius)
    }
    return digamma(Double(x.count)) - digamma(Double(neighborCount))
      + Double(x.dimension) * sum / Double(x.count)
  }

  /// ½ ln |2πe Σ| of the normal distribution with the samples' covariance; an upper bound for other distributions, but for
  /// sampling.
  /// - Throws: ``EstimationError`` when the covariance is singular.
  public static func gaussian(_ x: SampleMatrix) throws -> Double {
    let (count, dimension) = (x.count, x.dimension)
    var covariance = [Double](repeating: 0, count: dimension * dimension)
    let means = (0..<dimension).map { c in x.column(c).reduce(0, +) / Double(count) }
    for row in 0..<count {
      for a in 0..<dimension {
        for b in 0..<dimension {
          covariance[a * dimension + b] +=
            (x[row, a] - means[a]) * (x[row, b] - means[b]) / Double(count - 1)
        }
      }
    }
    guard let determinant = SymmetricMatrix.logDeterminant(covariance, count: dimension) else {
      throw EstimationError(message: "the covariance is singular: the differential entropy is -∞")
    }
    return 0.5 * (determinant + Double(dimension) * log(2 * Double.pi * M_E))
  }
}
