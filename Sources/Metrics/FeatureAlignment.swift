import Foundation
import Kernels

/// How alike two matrices of the same rows are, whatever the rotation of their columns: linear CKA and orthogonal Procrustes.
///
/// As ``CenteredKernelAlignment``, but from products of features instead of samples, for tall matrices such as weights; the two
/// agree to rounding.
public struct FeatureAlignment: Sendable {
  /// Kornblith et al. 2019, eq. 3; biased upwards, see ``CenteredKernelAlignment``. NaN where a matrix is constant or not finite.
  public let alignment: Double
  /// From the unbiased HSIC of Song et al. (2012, eq. 5), about 0 for independent noise; NaN below four rows as well.
  public let debiased: Double
  /// 2 - 2‖AᵀB‖∗ of the centred matrices at norm 1 (Ding et al. 2021, eq. 4): 0 for a rotated or scaled copy, 2 at most. NaN when it
  /// was not asked for.
  public let procrustes: Double

  /// Compares `a` `[rows, p]` and `b` `[rows, q]` in C order. Cost rows · p · q, and p · q · min(p, q) for Procrustes.
  public init(_ a: [Double], _ b: [Double], rows: Int, withProcrustes: Bool = true) {
    let (left, right) = (Side(a, rows), Side(b, rows))
    let cross = DenseProduct.of(
      left.values, right.values, m: left.width, n: right.width, k: rows, transposeA: true)
    let size = DenseProduct.norm(left.gram) * DenseProduct.norm(right.gram)
    let square = DenseProduct.dot(cross, cross)
    alignment = size > 0 && size.isFinite ? square / size : .nan
    let own = left.information(left, DenseProduct.dot(left.gram, left.gram))
    let other = right.information(right, DenseProduct.dot(right.gram, right.gram))
    let scale = own * other
    debiased =
      rows > 3 && own > 0 && other > 0 ? left.information(right, square) / scale.squareRoot() : .nan
    let norms = DenseProduct.norm(left.values) * DenseProduct.norm(right.values)
    guard withProcrustes, norms > 0, norms.isFinite,
      let values = SingularValues.of(cross, rows: left.width, columns: right.width)
    else {
      procrustes = .nan
      return
    }
    procrustes = max(0, 2 - 2 * values.reduce(0, +) / norms)
  }

  /// One matrix, its columns centred.
  private struct Side {
    let values: [Double]
    let rows: Int, width: Int
    /// XᵀX, `[width, width]`.
    let gram: [Double]
    /// Squared norm of each row: the diagonal of K = XXᵀ.
    let diagonal: [Double]

    init(_ values: [Double], _ rows: Int) {
      precondition(rows > 0 && values.count % rows == 0, "whole rows")
      let width = values.count / rows
      var centred = values
      for column in 0..<width {
        var mean = 0.0
        for row in 0..<rows { mean += centred[row * width + column] }
        mean /= Double(rows)
        for row in 0..<rows { centred[row * width + column] -= mean }
      }
      (self.rows, self.width) = (rows, width)
      gram = DenseProduct.of(centred, centred, m: width, n: width, k: rows, transposeA: true)
      diagonal = (0..<rows).map { row in
        var sum = 0.0
        for i in row * width..<(row + 1) * width { sum += centred[i] * centred[i] }
        return sum
      }
      self.values = centred
    }

    /// n(n - 3) HSIC₁ with another, from tr KL. Columns are centred, so that K1 = 0 and K̃1 = -diag K.
    func information(_ other: Side, _ trace: Double) -> Double {
      let n = Double(rows)
      let shared = DenseProduct.dot(diagonal, other.diagonal)
      let sums = diagonal.reduce(0, +) * other.diagonal.reduce(0, +)
      return trace - shared + sums / ((n - 1) * (n - 2)) - 2 / (n - 2) * shared
    }
  }
}

/// Loss on the straight line between two networks, and how much of it stands in the way.
public enum LossBarrier {
  /// The highest loss less the chord between the ends, over `fractions` of the way from 0 to 1 (Frankle et al. 2020, who take the mean
  /// of the ends for the chord): 0 where the way is straight or bends down. NaN when a loss is.
  public static func height(_ losses: [Double], at fractions: [Double]) -> Double {
    guard let first = losses.first, let last = losses.last, losses.count == fractions.count,
      losses.allSatisfy({ !$0.isNaN })
    else { return .nan }
    return zip(losses, fractions).map { $0 - ((1 - $1) * first + $1 * last) }.max() ?? .nan
  }
}
