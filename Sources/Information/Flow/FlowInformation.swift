import Kernels

/// Each side through a learned diffeomorphism to a Gaussian base, where the information is closed, in nats (Butakov et al. 2024,
/// MIENF).
///
/// The diffeomorphism of a side is one ``Twist`` or several, each in a plane of its own, whose scales, centre, speed and plane are
/// learned, and then every column's map to normal scores. Diffeomorphisms leave the information as it is (eq. 3 there), and of a Gaussian pair it is
/// -½ Σ ln(1 - ρᵢ²) over the canonical correlations ρᵢ (eq. 12). Both sides are learned together, from the starts of
/// ``TwistSearch``, on seven tenths of the samples; the rest says whether they hold for others.
///
/// Bias: of the determinants, subtracted as for ``GaussianInformation``; what a twist follows of its own samples is less than
/// its 8 d parameters over 2n. Cost: `TwistSearch`; seconds in few, half a minute in 25 + 25 dimensions at 5,000 samples.
///
/// What does not hold: a base that is not Gaussian after all, of which the value is neither estimate nor bound (flag
/// `misspecified`); scores that tell less on held-out samples (flag `notConverged`). A side of one column has no plane to be
/// turned in, and one of more than 40 is left as it is: there it is ``GaussianInformation`` of normal scores.
public struct FlowInformation: MutualInformationEstimator, Fitted {
  private let key: UInt64
  /// Maps that were learned from the very samples to be estimated from.
  private let maps: FlowMaps?

  /// An estimator.
  public init(seed: UInt64) { (key, maps) = (seed, nil) }

  init(seed: UInt64, maps: FlowMaps) { (key, self.maps) = (seed, maps) }

  /// Name on the command line and in archives.
  public var name: String { "flow" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .metric }
  /// Its settings in words.
  public var settings: String {
    if let maps, maps.held.isEmpty {
      return
        "normal scores of each column; no twist of a side was found that held-out samples bear out"
    }
    return "a twist of each side and normal scores of its columns, learned on 70 % of the samples"
  }

  /// With the twists of these pairs.
  public func fitted(
    to pairs: PairedSamples, _ pool: WorkerPool
  ) -> any MutualInformationEstimator {
    maps == nil ? FlowInformation(seed: key, maps: FlowMaps(pairs, seed: key, pool)) : self
  }
  /// Seed of its own random choices.
  public var seed: UInt64? { key }
  /// Whether an interval is made by resampling.
  public var isResampled: Bool { false }

  /// See ``MutualInformationEstimator/secondOpinions(_:dimension:)``.
  public func secondOpinions(
    _ settings: EstimatorChoice.Settings, dimension: Int
  ) -> [SecondOpinion] {
    [.notAbove(.neighbours(settings)), .notAbove(.gaussian), .notAbove(.radial(settings))]
  }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    try Self.check(pairs)
    let maps = maps ?? FlowMaps(pairs, seed: key, pool)
    let scores = maps.scores(pairs)
    let value = try GaussianInformation.information(scores)
    var flags: Estimate.Flags = []
    if !NormalityCheck.holds(scores) { flags.insert(.misspecified) }
    if let held = try maps.heldOut(scores), value - held > CrossCheck.tolerance(value) {
      flags.insert(.notConverged)
    }
    return (value, flags)
  }

  private static func check(_ pairs: PairedSamples) throws {
    guard pairs.count >= 50 else {
      throw EstimationError(
        message: "a flow needs at least 50 pairs, found \(pairs.count); use ksg or gaussian")
    }
  }

  /// The value with maps learned anew.
  public func bareValue(_ pairs: PairedSamples, _ pool: WorkerPool) throws -> Double {
    try Self.check(pairs)
    let maps = FlowMaps(pairs, seed: key, pool)
    return try GaussianInformation.information(maps.scores(pairs))
  }

  /// Partners are exchanged among the samples that the maps were not learned from; among all where none were learned.
  public func tested(
    _ pairs: PairedSamples, _ plan: ResamplingPlan, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags, pValue: Double?) {
    try Self.check(pairs)
    let maps = maps ?? FlowMaps(pairs, seed: key, pool)
    let own = FlowInformation(seed: key, maps: maps)
    let found = try own.value(pairs, pool)
    guard plan.shuffles > 0, !plan.isCircular else { return (found.value, found.flags, nil) }
    var scores = maps.scores(pairs)
    if !maps.held.isEmpty { scores = scores.rows(maps.held) }
    let statistic = try GaussianInformation.information(scores)
    let exchanges = Verdict.exchanges
    var values = [Double](repeating: 0, count: exchanges)
    values.withUnsafeMutableBufferPointer { values in
      nonisolated(unsafe) let values = values
      pool.forEach(exchanges) { repetition, _ in
        var random = Philox(
          seed: plan.seed, purpose: .null, index: 1 << 32 | UInt64(repetition))
        let order = plan.order(scores.count, &random)
        values[repetition] =
          (try? GaussianInformation.information(scores.shuffled(order))) ?? .infinity
      }
    }
    let asHigh = values.count { !($0 < statistic) }
    return (found.value, found.flags, Double(1 + asHigh) / Double(1 + exchanges))
  }
}

/// The maps of both sides that ``FlowInformation`` learned, and the samples it did not learn from.
struct FlowMaps: Sendable {
  private let x: Map, y: Map
  /// Samples that were held out; none when nothing was learned.
  let held: [Int]
  /// What both sides' scores told of each other without a twist, and what they tell with it, where it was learned.
  let gain: Double

  private struct Map: Sendable {
    /// One after the other, each in a plane of its own; none: the columns as they are.
    var twists: [Twist] = []

    func image(_ side: SampleMatrix) -> SampleMatrix {
      twists.reduce(side) { side, twist in
        SampleMatrix(trusted: side.count, twist.pass(FlowSide(side).values).z)
      }
    }
  }

  /// Learned from pairs in the units they came with.
  init(_ pairs: PairedSamples, seed: UInt64, _ pool: WorkerPool) {
    let sizes = [pairs.x.dimension, pairs.y.dimension]
    guard sizes.allSatisfy({ (2...TwistSearch.mostColumns).contains($0) }),
      pairs.count >= max(200, 10 * (sizes[0] + sizes[1]))
    else {
      (x, y, held, gain) = (Map(), Map(), [], 0)
      return
    }
    var random = Philox(seed: seed, purpose: .shuffling, index: 2)
    let order = random.permutation(pairs.count)
    let size = pairs.count * 7 / 10
    let (learning, others) = (Array(order[..<size]), Array(order[size...]))
    // What 8 d parameters follow of the noise is not worth a twist, nor what others do not show.
    let noise = 8 * Double(sizes[0] + sizes[1]) / Double(2 * size)
    var (left, right, total) = (Map(), Map(), 0.0)
    for round in 0..<max(1, sizes.max().map { $0 / 2 } ?? 1) {
      let sides = (FlowSide(left.image(pairs.x)), FlowSide(right.image(pairs.y)))
      let own = (sides.0.rows(learning), sides.1.rows(learning))
      let held = (sides.0.rows(others), sides.1.rows(others))
      let none = (x: Twist.none(sizes[0]), y: Twist.none(sizes[1]))
      let plain = TwistFit(none, own.0, own.1, pool).value
      let search = TwistSearch(own.0, own.1, seed: seed, pool)
      guard let found = round == 0 ? search.best() : search.another(telling: plain + noise),
        found.value > plain + noise,
        TwistFit((found.x, found.y), held.0, held.1, pool).value
          > TwistFit(none, held.0, held.1, pool).value + 0.5 * (found.value - plain)
      else { break }
      left.twists.append(found.x)
      right.twists.append(found.y)
      total += found.value - plain
    }
    (x, y, gain) = (left, right, total)
    held = left.twists.isEmpty ? [] : others
  }

  /// Normal scores of both sides' images.
  func scores(_ pairs: PairedSamples) -> PairedSamples {
    Preprocessing.rank.apply(PairedSamples(trusted: x.image(pairs.x), y.image(pairs.y)))
  }

  /// Donsker & Varadhan's bound, ⟨T⟩ - ln ⟨exp T⟩ over exchanged pairs, on held-out samples, of the ratio of densities
  /// that the scores' covariance says: a bound from below whatever the distribution. Nil when nothing was held out.
  func bound(_ scores: PairedSamples) -> Double? {
    let (dx, dy) = (scores.x.dimension, scores.y.dimension)
    guard held.count > dx + dy + 1 else { return nil }
    let width = dx + dy
    let joint = scores.x.beside(scores.y).values
    let covariance = GaussianObjective.product(joint, width, joint, width, scores.count)
    func block(_ range: Range<Int>) -> [Double] {
      range.flatMap { row in range.map { covariance[row * width + $0] } }
    }
    guard let whole = SymmetricMatrix.inverse(covariance, count: width),
      let own = SymmetricMatrix.inverse(block(0..<dx), count: dx),
      let other = SymmetricMatrix.inverse(block(dx..<width), count: dy)
    else { return nil }
    let rows = scores.rows(held)
    func square(_ values: [Double], _ d: Int, _ offset: Int, _ margin: [Double]) -> [Double] {
      (0..<held.count).map { row in
        var sum = 0.0
        for i in 0..<d {
          for j in 0..<d {
            let weight = margin[i * d + j] - whole.inverse[(offset + i) * width + offset + j]
            sum += 0.5 * weight * values[row * d + i] * values[row * d + j]
          }
        }
        return sum
      }
    }
    let a = square(rows.x.values, dx, 0, own.inverse)
    let b = square(rows.y.values, dy, dx, other.inverse)
    let constant = 0.5 * (own.logDeterminant + other.logDeterminant - whole.logDeterminant)
    let turned = (0..<held.count).flatMap { row in
      (0..<dy).map { j in
        (0..<dx).reduce(0.0) {
          $0 - rows.x[row, $1] * whole.inverse[$1 * width + dx + j]
        }
      }
    }
    var mean = 0.0
    var exchanged: [Double] = []
    exchanged.reserveCapacity(held.count * (held.count - 1))
    for i in 0..<held.count {
      for j in 0..<held.count {
        var value = constant + a[i] + b[j]
        for c in 0..<dy { value += turned[i * dy + c] * rows.y[j, c] }
        if i == j {
          mean += value / Double(held.count)
        } else {
          exchanged.append(value)
        }
      }
    }
    return mean - logMeanExp(exchanged)
  }

  /// The information of the scores of held-out samples; nil when there are none.
  func heldOut(_ scores: PairedSamples) throws -> Double? {
    guard held.count > scores.x.dimension + scores.y.dimension + 1 else { return nil }
    return try GaussianInformation.information(scores.rows(held))
  }
}
