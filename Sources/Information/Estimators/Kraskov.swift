import Kernels

/// The nearest-neighbour estimator of Kraskov, Stögbauer & Grassberger (2004), eqs. 8 and 9, in nats.
///
/// With ε_i twice the distance from pair i to its k-th neighbour in the maximum of both sides' distances, and n_x, n_y
/// the numbers of points nearer than that on each side:
///
///     I₁ = ψ(k) + ψ(n) - ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩
///     I₂ = ψ(k) - 1/k + ψ(n) - ⟨ψ(n_x) + ψ(n_y)⟩        with a distance of its own for each side
///
/// Up to ten dimensions in all, each side is measured in the maximum norm and a k-d tree finds neighbours, at a cost of
/// about n log n; beyond, each side in the Euclidean norm by blocked matrix products, at n² (dx + dy).
///
/// What does not hold: beyond about five dimensions in all (flag `highDimension`) the value is too low, the more so the
/// larger the information; equal samples break the assumption of a density (flag `ties`; use `mixed-ksg`). The
/// bootstrap repeats samples and is not valid; intervals come from delete-half subsampling.
public struct Kraskov: MutualInformationEstimator {
  /// Which of the two estimators.
  public enum Variant: Int, Sendable {
    /// Eq. 8: smaller statistical error.
    case one = 1
    /// Eq. 9: smaller bias in high dimension.
    case two
  }

  /// Neighbours.
  public var neighborCount: Int
  /// Estimator.
  public var variant: Variant

  /// The paper recommends 2 to 4 neighbours; 5 is what the known truths are stated for.
  public init(neighborCount: Int = 5, variant: Variant = .one) {
    (self.neighborCount, self.variant) = (neighborCount, variant)
  }

  /// Name on the command line and in archives.
  public var name: String { variant == .one ? "ksg" : "ksg2" }
  /// Its settings in words.
  public var settings: String { "k = \(neighborCount), maximum norm up to 10 dimensions" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { variant == .one ? .neighbours : .density }

  /// See ``MutualInformationEstimator/secondOpinions(_:dimension:)``.
  public func secondOpinions(
    _ settings: EstimatorChoice.Settings, dimension: Int
  ) -> [SecondOpinion] {
    guard variant == .one else {
      return [.anyNear([.gaussian, .neighbours(settings), .radial(settings)]), .learning]
    }
    let quick: [SecondOpinion] = [.notAbove(.gaussian), .growth]
    return dimension > 2 ? quick + [.notAbove(.radial(settings))] : quick
  }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    try Self.check(pairs, neighborCount)
    var flags: Estimate.Flags = []
    let dimension = pairs.x.dimension + pairs.y.dimension
    if dimension > 5 { flags.insert(.highDimension) }
    let terms =
      dimension <= 10
      ? treeTerms(pairs, pool) : PairwiseNeighbors(pairs).terms(neighborCount, variant, pool)
    if terms.ties > 0 { flags.insert(.ties) }
    let digamma = DigammaTable(pairs.count + 1)
    let correction = variant == .one ? 0 : 1 / Double(neighborCount)
    let value =
      digamma[neighborCount] - correction + digamma[pairs.count] - terms.sum / Double(pairs.count)
    return (value, flags)
  }

  static func check(_ pairs: PairedSamples, _ neighborCount: Int) throws {
    guard neighborCount >= 1, pairs.count > neighborCount + 1 else {
      throw EstimationError(
        message: "\(neighborCount) neighbours need more than \(neighborCount + 1) samples, found "
          + "\(pairs.count); take more samples or a smaller k")
    }
  }

  /// Σ ψ(n_x + 1) + ψ(n_y + 1) (or without the ones), and the number of pairs with k equal ones.
  struct Terms {
    var sum = 0.0
    var ties = 0
  }

  private func treeTerms(_ pairs: PairedSamples, _ pool: WorkerPool) -> Terms {
    let joint = NeighborTree(pairs.x.beside(pairs.y))
    let sides = [SideCounter(pairs.x, 0), SideCounter(pairs.y, pairs.x.dimension)]
    let digamma = DigammaTable(pairs.count + 1)
    let result = joint.sum(neighbors: neighborCount, pool) { place, near, scratch in
      let radius = near.nearest[neighborCount - 1]
      return sides.reduce(0) { sum, side in
        if variant == .one {
          let count = side.count(joint, place, radius, including: radius == 0, scratch)
          return sum + digamma[count + 1]
        }
        let reach = side.reach(joint, place, near.places)
        return sum + digamma[max(1, side.count(joint, place, reach, including: true, scratch))]
      }
    }
    return Terms(sum: result.sum, ties: result.ties)
  }
}

/// Counts neighbours on one side of pairs whose joint tree is searched.
struct SideCounter: Sendable {
  private let line: SortedLine?
  private let tree: NeighborTree?
  /// Place of each sample in the side's tree.
  private let places: [Int32]
  private let offset: Int
  private let dimension: Int

  init(_ side: SampleMatrix, _ offset: Int) {
    (self.offset, dimension) = (offset, side.dimension)
    if side.dimension == 1 {
      (line, tree, places) = (SortedLine(side.values), nil, [])
    } else {
      let tree = NeighborTree(side)
      var places = [Int32](repeating: 0, count: side.count)
      for (place, sample) in tree.order.enumerated() { places[Int(sample)] = Int32(place) }
      (line, self.tree, self.places) = (nil, tree, places)
    }
  }

  /// Neighbours of the point at `place` of the joint tree.
  func count(
    _ joint: NeighborTree, _ place: Int, _ radius: Double, including: Bool,
    _ scratch: NeighborTree.Scratch
  ) -> Int {
    if let line {
      return line.countNear(
        joint.coordinate(place, offset), radius: radius, including: including)
    }
    guard let tree else { return 0 }
    return tree.countNear(
      Int(places[Int(joint.order[place])]), radius: radius, including: including, scratch)
  }

  /// Largest distance on this side to any of the neighbours.
  func reach(_ joint: NeighborTree, _ place: Int, _ neighbors: [Int32]) -> Double {
    var reach = 0.0
    for neighbor in neighbors where neighbor >= 0 {
      for d in offset..<offset + dimension {
        reach = max(
          reach, abs(joint.coordinate(Int(neighbor), d) - joint.coordinate(place, d)))
      }
    }
    return reach
  }
}
