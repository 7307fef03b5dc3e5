import Kernels

/// A layer seen by several samples: `[sample, dimension]`, with the pairwise distances every estimator starts from.
public struct LayerSamples: Sendable {
  /// Number of samples n.
  public let count: Int
  /// Numbers a sample has.
  public let dimension: Int
  /// The values `[sample, dimension]`.
  public let values: [Float]

  /// Samples of a layer.
  /// - Throws: ``EstimationError`` for fewer than four samples, a wrong count, or values that are not finite.
  public init(count: Int, values: [Float]) throws {
    guard count >= 4, !values.isEmpty, values.count % count == 0 else {
      throw EstimationError(
        message: "information needs at least 4 samples of equal length; found \(count) samples, "
          + "\(values.count) values")
    }
    guard values.allSatisfy(\.isFinite) else {
      throw EstimationError(message: "a captured value is NaN or infinite; the run diverged")
    }
    (self.count, self.values, dimension) = (count, values, values.count / count)
  }

  /// Squared Euclidean distances `[sample, sample]` and the mean squared distance from the mean.
  ///
  /// From the Gram matrix of centred values in double precision; cost n² d.
  public func squaredDistances() -> (distances: [Double], spread: Double) {
    let gram = centredGram(values, count: count)
    var distances = [Double](repeating: 0, count: count * count)
    var spread = 0.0
    for i in 0..<count {
      spread += gram[i * count + i] / Double(count)
      for j in 0..<count where j != i {
        distances[i * count + j] = max(
          0, gram[i * count + i] + gram[j * count + j] - 2 * gram[i * count + j])
      }
    }
    return (distances, spread)
  }
}
