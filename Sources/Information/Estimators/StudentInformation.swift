import Foundation
import Kernels

/// Mutual information of Student's copula, fitted by maximum likelihood, in nats.
///
/// Every column's ranks are put in the place of quantiles of Student's distribution with ν degrees of freedom; of these
/// the dispersion R is the fixed point of Σ wᵢ vᵢ vᵢᵀ / n, wᵢ = (ν + d) / (ν + vᵢᵀ R⁻¹ vᵢ) (Kent, Tyler & Vardi 1994), brought to
/// unit diagonal, and ν is where the copula's likelihood is highest. Then (Arellano-Valle, Contreras-Reyes & Genton 2013)
///
///     I = ½ ln |Rx| |Ry| / |R| + f(ν) + f(ν + dx + dy) - f(ν + dx) - f(ν + dy),   f(a) = ln Γ(a/2) - (a/2) ψ(a/2)
///
/// The second part is the scale that both sides share, which is there without any correlation. Bias: the determinants' of
/// dx dy / 2n is subtracted. Cost: about 60 passes of n (dx + dy)² over at most 2,000 samples, and a few over all.
///
/// What does not hold: samples of other distributions. The model's own distances and directions are made normal and tested as
/// for ``GaussianInformation``; what contradicts it is flagged `misspecified`.
public struct StudentInformation: MutualInformationEstimator {
  /// Degrees of freedom between which the likelihood is searched; beyond, the copula cannot be told from the normal one.
  static let degrees = (low: 0.5, high: 60.0)
  private static let searchLimit = 2000

  /// An estimator.
  public init() {}

  /// Name on the command line and in archives.
  public var name: String { "student" }
  /// Its settings in words.
  public var settings: String { "Student's copula by maximum likelihood, columns by rank" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .moments }

  /// See ``MutualInformationEstimator/secondOpinions(_:dimension:)``.
  public func secondOpinions(
    _ settings: EstimatorChoice.Settings, dimension: Int
  ) -> [SecondOpinion] {
    let quick: [SecondOpinion] = [.notAbove(.gaussian), .notAbove(.radial(settings))]
    // Among heavy tails in many dimensions nearest neighbours are too high.
    return dimension > 20 ? quick : quick + [.notAbove(.neighbours(settings))]
  }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let fit = try StudentCopula(pairs)
    return (fit.information, fit.holds ? [] : [.misspecified])
  }

  /// The value without the check of its assumption.
  public func bareValue(_ pairs: PairedSamples, _ pool: WorkerPool) throws -> Double {
    try StudentCopula(pairs).information
  }

  /// Whether the copula describes the samples and is another than the normal one.
  static func holds(_ pairs: PairedSamples) -> Bool {
    guard let fit = try? StudentCopula(pairs), fit.degrees < 0.6 * degrees.high else {
      return false
    }
    return fit.holds
  }

  /// Where a function of ln ν is highest: steps of a factor of 2, then golden sections.
  static func highest(_ value: (Double) -> Double) -> Double {
    var best = (value: -Double.infinity, degrees: 1.0)
    var degrees = Self.degrees.low
    while degrees <= Self.degrees.high {
      let found = value(degrees)
      if found > best.value { best = (found, degrees) }
      degrees *= 2
    }
    let golden = (5.0.squareRoot() - 1) / 2
    var (low, high) = (log(best.degrees / 2), log(min(best.degrees * 2, Self.degrees.high)))
    var (a, b) = (high - golden * (high - low), low + golden * (high - low))
    var (atA, atB) = (value(exp(a)), value(exp(b)))
    for _ in 0..<8 {
      if atA > atB {
        (high, b, atB) = (b, a, atA)
        a = high - golden * (high - low)
        atA = value(exp(a))
      } else {
        (low, a, atA) = (a, b, atB)
        b = low + golden * (high - low)
        atB = value(exp(b))
      }
    }
    return exp((low + high) / 2)
  }

  static func searched(_ pairs: PairedSamples) -> PairedSamples {
    guard pairs.count > searchLimit else { return pairs }
    // Evenly through the file: the first rows of sorted ones would be no sample.
    return pairs.rows((0..<searchLimit).map { $0 * pairs.count / searchLimit })
  }
}
