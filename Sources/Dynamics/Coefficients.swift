import Foundation
import Kernels
import Transformer

/// The coefficients of every interval, made from an equation's free parameters, and the way back for gradients.
///
/// `[interval, coefficient]`, laid out by ``MasterEquation/interval``. For `modulated` a vector is v₀ + Σ_k T_k(x) v_k and a matrix
/// W₀ + Σ_k T_k(x) leftₖ · rightₖ, of which one factor is the same for all k, at x = 2t - 1 in the middle of each interval, T_k the Chebyshev polynomials.
public final class Coefficients<S: KernelScalar>: @unchecked Sendable {
  private let equation: MasterEquation
  /// The coefficients; ``expand(_:)`` fills them.
  public let values: Buffer<S>
  /// T_k, k from 1, at the middle of each interval: `[interval][k - 1]`.
  private let polynomials: [[S]]

  /// Room for the coefficients of `equation`.
  public init(_ equation: MasterEquation) {
    self.equation = equation
    values = Buffer(equation.intervalCount * equation.interval.count)
    let count = equation.intervalCount
    polynomials = (0..<count).map { interval in
      let x = 2 * (Double(interval) + 0.5) / Double(count) - 1
      return (1...max(equation.degree, 1)).map { S(cos(Double($0) * acos(x))) }
    }
  }

  /// Fills ``values`` from free parameters laid out by the equation's ``MasterEquation/layout``.
  public func expand(_ parameters: UnsafePointer<S>) {
    guard equation.model == .modulated else {
      // Both layouts are the same, interval by interval.
      values.start.update(from: parameters, count: values.count)
      return
    }
    let size = equation.interval.count
    for (interval, factors) in polynomials.enumerated() {
      let out = values.start + interval * size
      out.update(from: parameters, count: size)
      for entry in equation.interval.entries {
        let target = out + entry.offset
        guard let left = equation.layout.find(entry.name + ".left") else {
          let change = parameters + equation.layout.offset(entry.name + ".modulation")
          for (k, factor) in factors.enumerated() {
            Elementwise.add(
              change + k * entry.count, to: target, count: entry.count, factor: factor)
          }
          continue
        }
        let right = equation.layout.offset(entry.name + ".right")
        let (rows, columns, rank) = sizes(entry)
        let steps = strides(entry)
        for (k, factor) in factors.enumerated() {
          S.gemm(
            MatrixProduct(
              m: rows, n: columns, k: rank, alpha: factor,
              a: parameters + left + k * steps.left, lda: rank,
              b: parameters + right + k * steps.right, ldb: columns, beta: 1, c: target,
              ldc: columns))
        }
      }
    }
  }

  /// Adds to `gradient`, laid out as the free parameters, what a gradient by the coefficients, laid out as ``values``, means for
  /// them; `parameters` are those of the last ``expand(_:)``.
  public func reduce(
    _ slopes: UnsafePointer<S>, _ parameters: UnsafePointer<S>, to gradient: UnsafeMutablePointer<S>
  ) {
    guard equation.model == .modulated else {
      Elementwise.add(slopes, to: gradient, count: values.count)
      return
    }
    let size = equation.interval.count
    for (interval, factors) in polynomials.enumerated() {
      let slope = slopes + interval * size
      Elementwise.add(slope, to: gradient, count: size)
      for entry in equation.interval.entries {
        let source = slope + entry.offset
        guard let left = equation.layout.find(entry.name + ".left") else {
          let change = gradient + equation.layout.offset(entry.name + ".modulation")
          for (k, factor) in factors.enumerated() {
            Elementwise.add(
              source, to: change + k * entry.count, count: entry.count, factor: factor)
          }
          continue
        }
        let right = equation.layout.offset(entry.name + ".right")
        let (rows, columns, rank) = sizes(entry)
        let steps = strides(entry)
        for (k, factor) in factors.enumerated() {
          let (place, other) = (left + k * steps.left, right + k * steps.right)
          S.gemm(
            MatrixProduct(
              m: rows, n: rank, k: columns, alpha: factor, a: source, lda: columns,
              b: parameters + other, ldb: columns, transposeB: true, beta: 1,
              c: gradient + place, ldc: rank))
          S.gemm(
            MatrixProduct(
              m: rank, n: columns, k: rows, alpha: factor, a: parameters + place, lda: rank,
              transposeA: true, b: source, ldb: columns, beta: 1, c: gradient + other,
              ldc: columns))
        }
      }
    }
  }

  /// How far the factors of degree k + 1 lie behind those of k: 0 for the one that is the same for all.
  private func strides(_ entry: ParameterLayout.Entry) -> (left: Int, right: Int) {
    let (rows, columns, rank) = sizes(entry)
    return rows <= columns ? (rows * rank, 0) : (0, rank * columns)
  }

  private func sizes(_ entry: ParameterLayout.Entry) -> (rows: Int, columns: Int, rank: Int) {
    (entry.axes[0].length, entry.axes[1].length, equation.rank)
  }
}
