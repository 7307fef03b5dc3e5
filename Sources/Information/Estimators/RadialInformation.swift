import Kernels

/// Information between the lengths of both sides, by ``Kraskov`` in 1 + 1 dimensions on their ranks. In nats.
///
/// I(|X|; |Y|) ≤ I(X;Y), with equality where both sides share nothing but a scale, as those of Student's distribution do
/// and series whose noise comes and goes: there all other estimators are low, the more so the more columns there are.
/// Columns are centred at their medians and divided by their median distances from it.
///
/// What does not hold: of every other dependence it sees a part only; `auto` takes it where it finds more than the whole
/// samples showed.
public struct RadialInformation: MutualInformationEstimator {
  /// Neighbours.
  public var neighborCount: Int

  /// An estimator with `neighborCount` neighbours.
  public init(neighborCount: Int = 5) { self.neighborCount = neighborCount }

  /// Name on the command line and in archives.
  public var name: String { "radial" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .density }

  /// See ``MutualInformationEstimator/secondOpinions(_:dimension:)``.
  public func secondOpinions(
    _ settings: EstimatorChoice.Settings, dimension: Int
  ) -> [SecondOpinion] {
    [.notAbove(.neighbours(settings)), .notAbove(.gaussian), .growth]
  }
  /// Its settings in words.
  public var settings: String {
    "ksg with k = \(neighborCount) of both sides' lengths, a lower bound"
  }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let lengths = PairedSamples(trusted: Self.lengths(pairs.x), Self.lengths(pairs.y))
    return try Kraskov(neighborCount: neighborCount).value(
      Preprocessing.rank.apply(lengths), pool)
  }

  private static func lengths(_ side: SampleMatrix) -> SampleMatrix {
    var squares = [Double](repeating: 0, count: side.count)
    for column in 0..<side.dimension {
      let values = Preprocessing.medianScaled(side.column(column))
      for row in 0..<side.count { squares[row] += values[row] * values[row] }
    }
    return SampleMatrix(trusted: side.count, squares)
  }
}
