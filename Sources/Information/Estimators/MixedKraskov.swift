import Kernels

/// The estimator of Gao, Kannan, Oh & Viswanath (2017) for mixtures of discrete and continuous values, as their published
/// program has it; with one side discrete and the other continuous it is close to Ross (2014). In nats.
///
///     I = ⟨ψ(k̃_i) + ln n - ψ(n_x,i) - ψ(n_y,i)⟩
///
/// Where the k-th neighbour lies at a distance, k̃ = k and n_x, n_y count the points strictly nearer and the point itself;
/// where k pairs or more equal pair i, all of k̃, n_x and n_y count what is equal, itself included. The paper's own
/// ln(n_x + 1) with ≤ is lower by about 1.5/n_x a term: 0.18 nats for the uniform mixture of its section 5.
///
/// Classes enter as one column of numbers so far apart (``classGap``) that a neighbour of another class is farther than
/// any of the same; see ``Treatment``. A class with fewer members than k is measured with what it has, as Ross does; a
/// sample alone in its class counts itself.
///
/// What does not hold: rounded values have neighbours at equal distances, which the counts take for none; they must be
/// spread first.
public struct MixedKraskov: MutualInformationEstimator {
  /// Neighbours.
  public var neighborCount: Int

  /// Distance between the numbers of two classes; infinite when there are none.
  var classGap = Double.infinity

  /// An estimator with `neighborCount` neighbours.
  public init(neighborCount: Int = 5) { self.neighborCount = neighborCount }

  /// Name on the command line and in archives.
  public var name: String { "mixed-ksg" }
  /// Its settings in words.
  public var settings: String { "k = \(neighborCount), maximum norm" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .mixed }

  /// See ``MutualInformationEstimator/secondOpinions(_:dimension:)``.
  public func secondOpinions(
    _ settings: EstimatorChoice.Settings, dimension: Int
  ) -> [SecondOpinion] {
    [.agreeing(.neighbours(settings)), .growth]
  }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    try Kraskov.check(pairs, neighborCount)
    let (count, k) = (pairs.count, neighborCount)
    let joint = NeighborTree(pairs.x.beside(pairs.y))
    let sides = [SideCounter(pairs.x, 0), SideCounter(pairs.y, pairs.x.dimension)]
    let digamma = DigammaTable(count + 1)
    let limit = classGap / 2
    let sum = joint.sum(neighbors: k, pool) { place, near, scratch in
      var own = k
      while own > 0, near.nearest[own - 1] >= limit { own -= 1 }
      let radius = own > 0 ? near.nearest[own - 1] : 0
      let isEqual = radius == 0
      let equal =
        isEqual ? joint.countNear(place, radius: 0, including: true, scratch) + 1 : own
      return sides.reduce(digamma[equal]) { sum, side in
        sum - digamma[side.count(joint, place, radius, including: isEqual, scratch) + 1]
      }
    }.sum
    let value = sum / Double(count) + Double.logarithm(Double(count))
    var flags: Estimate.Flags = []
    if pairs.x.dimension + pairs.y.dimension > 6 { flags.insert(.highDimension) }
    return (value, flags)
  }
}
