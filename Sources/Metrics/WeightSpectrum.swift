import Foundation
import Kernels

/// What the singular values of a weight matrix tell of it.
public struct WeightSpectrum: Sendable {
  /// The longer and the shorter side.
  public let longer: Int, shorter: Int
  /// Singular values σ, largest first, `[shorter]`.
  public let singularValues: [Double]

  /// The spectrum of a matrix `[rows, columns]` in C order; nil when it holds a value that is not finite, or LAPACK does not
  /// converge.
  public init?(_ matrix: [Double], rows: Int, columns: Int) {
    guard let values = SingularValues.of(matrix, rows: rows, columns: columns) else { return nil }
    (longer, shorter) = (max(rows, columns), min(rows, columns))
    singularValues = values
  }

  /// Squares of the singular values, not divided by anything: the eigenvalues of WᵀW.
  public var eigenvalues: [Double] { singularValues.map { $0 * $0 } }
  /// Largest singular value.
  public var spectralNorm: Double { singularValues.first ?? 0 }
  /// Root of the sum of squares of all elements.
  public var frobeniusNorm: Double { eigenvalues.reduce(0, +).squareRoot() }

  /// Σσ²/σ₁²: how many directions of the largest strength would have the matrix's norm; 0 for a matrix of zeros.
  public var stableRank: Double {
    guard spectralNorm > 0 else { return 0 }
    return eigenvalues.reduce(0, +) / (spectralNorm * spectralNorm)
  }

  /// exp H(σ/Σσ) (Roy & Vetterli 2007): the number of equal singular values that would be spread as these are; 0 for a matrix of
  /// zeros.
  public var effectiveRank: Double {
    let total = singularValues.reduce(0, +)
    guard total > 0 else { return 0 }
    let shares = singularValues.map { $0 / total }.filter { $0 > 0 }
    return exp(-shares.reduce(0) { $0 + $1 * log($1) })
  }

  /// The power law of the eigenvalues' tail; nil when there is none at all.
  public var powerLaw: PowerLawFit? { PowerLawFit(eigenvalues) }

  /// The law of random matrices for elements of this variance.
  public var random: MarchenkoPastur {
    MarchenkoPastur(
      variance: eigenvalues.reduce(0, +) / Double(max(1, longer * shorter)), longer: longer,
      shorter: shorter)
  }

  /// Eigenvalues above the law's upper edge: directions that independent elements of this variance would not have. A matrix of
  /// independent elements may have one, by chance.
  public var spikeCount: Int {
    let edge = random.upper * Double(longer)
    return eigenvalues.count { $0 > edge }
  }
}

/// Where the eigenvalues of WᵀW/N lie for a matrix of N x M independent elements, in the limit of large sizes (Marchenko & Pastur
/// 1967).
public struct MarchenkoPastur: Sendable, Equatable {
  /// s²(1 - √(M/N))².
  public let lower: Double
  /// s²(1 + √(M/N))².
  public let upper: Double

  /// The law for elements of variance s² in a matrix of `longer` x `shorter`.
  public init(variance: Double, longer: Int, shorter: Int) {
    let root = (Double(shorter) / Double(max(1, longer))).squareRoot()
    (lower, upper) = (variance * (1 - root) * (1 - root), variance * (1 + root) * (1 + root))
  }
}
