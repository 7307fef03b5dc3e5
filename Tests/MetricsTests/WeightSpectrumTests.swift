import Foundation
import Kernels
import Metrics
import Testing

/// Answers that are known: closed forms, identities, random-matrix theory.
@Suite struct WeightSpectrumTests {
  private static func gaussian(_ count: Int, seed: UInt64) -> [Double] {
    var random = Philox(seed: seed, purpose: .noise, index: 0)
    return (0..<count).map { _ in random.normal() }
  }

  private static func diagonal(_ values: [Double]) -> [Double] {
    let n = values.count
    return (0..<n * n).map { $0 / n == $0 % n ? values[$0 / n] : 0 }
  }

  @Test func `singular values of a product of rotations and a diagonal are the diagonal's`() throws
  {
    // Householder reflections of a tall diagonal: exact singular values, no zeros in the matrix.
    let (rows, columns) = (7, 4)
    let expected = [5.0, 3, 1, 0.25]
    var matrix = [Double](repeating: 0, count: rows * columns)
    for i in 0..<columns { matrix[i * columns + i] = expected[i] }
    let left = Self.gaussian(rows, seed: 1)
    let right = Self.gaussian(columns, seed: 2)
    let (leftNorm, rightNorm) = (
      left.reduce(0) { $0 + $1 * $1 }, right.reduce(0) { $0 + $1 * $1 }
    )
    var turned = matrix
    for i in 0..<rows {
      for j in 0..<columns {
        var sum = 0.0
        for k in 0..<rows {
          for l in 0..<columns {
            let a = (i == k ? 1 : 0) - 2 * left[i] * left[k] / leftNorm
            let b = (l == j ? 1 : 0) - 2 * right[l] * right[j] / rightNorm
            sum += a * matrix[k * columns + l] * b
          }
        }
        turned[i * columns + j] = sum
      }
    }
    let found = try #require(SingularValues.of(turned, rows: rows, columns: columns))
    for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-12) }
    let transposed = (0..<turned.count).map { turned[$0 % rows * columns + $0 / rows] }
    let again = try #require(SingularValues.of(transposed, rows: columns, columns: rows))
    for (a, b) in zip(again, expected) { #expect(abs(a - b) < 1e-12) }
  }

  @Test func `ranks have their closed forms`() throws {
    let identity = try #require(
      WeightSpectrum(Self.diagonal([Double](repeating: 1, count: 64)), rows: 64, columns: 64))
    #expect(abs(identity.effectiveRank - 64) < 1e-9 && abs(identity.stableRank - 64) < 1e-9)
    let some = try #require(WeightSpectrum(Self.diagonal([4, 2, 1, 1]), rows: 4, columns: 4))
    #expect(abs(some.effectiveRank - pow(2, 1.75)) < 1e-12)
    #expect(abs(some.stableRank - 1.375) < 1e-12)
    let outer = (0..<64).map { Double($0 % 8 + 1) }
    let one = try #require(WeightSpectrum(outer, rows: 8, columns: 8))
    #expect(abs(one.effectiveRank - 1) < 1e-6 && abs(one.stableRank - 1) < 1e-12)
    let zero = try #require(WeightSpectrum([0, 0, 0, 0], rows: 2, columns: 2))
    #expect(zero.effectiveRank == 0 && zero.stableRank == 0 && zero.powerLaw == nil)
    #expect(WeightSpectrum([1, .nan], rows: 1, columns: 2) == nil)
  }

  /// Quantiles of a power law: the grid of 1000, and what weightwatcher's fit gives for it.
  @Test(arguments: [(2.0, 2.0008), (3.0, 3.0017), (4.5, 4.5030)])
  func `the exponent of a power law's quantiles is found`(_ alpha: Double, _ known: Double) throws {
    let values = (0..<1000).map { pow(1 - (Double($0) + 0.5) / 1000, -1 / (alpha - 1)) }
    let fit = try #require(PowerLawFit(values))
    #expect(abs(fit.alpha - known) < 5e-5, "\(fit)")
    #expect(fit.distance < 2e-3)
  }

  @Test func `a Gaussian matrix is no power law, and lies within its edges`() throws {
    let (rows, columns, deviation) = (1024, 256, 0.5)
    let matrix = Self.gaussian(rows * columns, seed: 3).map { deviation * $0 }
    let spectrum = try #require(WeightSpectrum(matrix, rows: rows, columns: columns))
    let fit = try #require(spectrum.powerLaw)
    #expect(fit.alpha > 6 && fit.distance > 0.1, "\(fit)")
    let law = spectrum.random
    #expect(abs(law.lower - 0.0625) < 1e-3 && abs(law.upper - 0.5625) < 5e-3)
    let scaled = spectrum.eigenvalues.map { $0 / Double(rows) }
    #expect(
      abs((scaled.first ?? 0) - law.upper) < 0.03 && abs((scaled.last ?? 0) - law.lower) < 0.01)
    #expect(spectrum.spikeCount <= 1)
    // A direction above the threshold of Baik, Ben Arous & Péché stands out.
    var spiked = matrix
    for r in 0..<rows { spiked[r * columns] += 1 }
    #expect(WeightSpectrum(spiked, rows: rows, columns: columns)?.spikeCount == 1)
  }
}
