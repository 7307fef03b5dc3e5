import Kernels

/// Sliced mutual information (Goldfeld & Greenewald 2021): the mean over random directions θ, φ of I(θ·X; φ·Y), each by
/// ``Kraskov`` in 1 + 1 dimensions. In nats.
///
/// What does not hold: it is a quantity of its own, zero exactly for independent sides and at most I(X;Y), but far below
/// it in high dimension; it is not compared with known truths of I(X;Y).
public struct SlicedInformation: MutualInformationEstimator {
  /// Directions.
  public var sliceCount: Int
  private let key: UInt64

  /// An estimator.
  public init(sliceCount: Int = 100, seed: UInt64) { (self.sliceCount, key) = (sliceCount, seed) }

  /// Name on the command line and in archives.
  public var name: String { "sliced" }
  /// Its settings in words.
  public var settings: String { "\(sliceCount) pairs of random directions, ksg with k = 5" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .neighbours }
  /// No: an interval of this quantity has not been proven on known truths.
  public var isResampled: Bool { false }
  /// Seed of its own random choices.
  public var seed: UInt64? { key }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let scaled = Preprocessing.standard.apply(pairs)
    var (total, ties) = (0.0, 0)
    for slice in 0..<sliceCount {
      var random = Philox(seed: key, purpose: .noise, index: UInt64(slice))
      let x = project(scaled.x, &random)
      let y = project(scaled.y, &random)
      let (value, flags) = try Kraskov().value(PairedSamples(trusted: x, y), pool)
      total += value
      ties += flags.contains(.ties) ? 1 : 0
    }
    return (total / Double(sliceCount), ties > 0 ? [.ties] : [])
  }

  private func project(_ samples: SampleMatrix, _ random: inout Philox) -> SampleMatrix {
    let direction = (0..<samples.dimension).map { _ in random.normal() }
    let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return SampleMatrix(
      trusted: samples.count,
      (0..<samples.count).map { row in
        (0..<samples.dimension).reduce(0.0) { $0 + samples[row, $1] * direction[$1] } / length
      })
  }
}
