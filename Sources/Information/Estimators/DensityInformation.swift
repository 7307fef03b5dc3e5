import Foundation
import Kernels

/// The plug-in of Gaussian kernel densities at the samples: with kernels K of width `noise` times each side's
/// root-mean-square distance from its mean, every sum leaving out the sample itself,
///
///     I = ⟨ ln [ (1/n) Σ_j Kx_ij Ky_ij ] - ln [ (1/n) Σ_j Kx_ij ] - ln [ (1/n) Σ_j Ky_ij ] ⟩
///
/// In nats. What does not hold: smoothing takes information away, the more the wider the kernels and the finer the
/// dependence, and no interval contains that bias, so none is stated; narrow kernels in many dimensions leave sums of one term
/// each and say nothing (flag `highDimension`).
public struct DensityInformation: MutualInformationEstimator {
  /// Width of the kernels, over each side's root-mean-square distance from its mean.
  public var noise: Double

  /// An estimator.
  public init(noise: Double = 0.25) { self.noise = noise }

  /// No: the bias is not in any interval.
  public var isResampled: Bool { false }

  /// Name on the command line and in archives.
  public var name: String { "kde" }
  /// Its settings in words.
  public var settings: String {
    "kernels of \(noise) of each side's root-mean-square spread, on both sides"
  }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let count = pairs.count
    let sides = [pairs.x, pairs.y].map { side -> (values: [Float], dimension: Int, factor: Float) in
      let mean = (0..<side.dimension).map { c in
        (0..<count).reduce(0.0) { $0 + side[$1, c] } / Double(count)
      }
      var spread = 0.0
      var centred = [Float](repeating: 0, count: side.values.count)
      for place in side.values.indices {
        let value = side.values[place] - mean[place % side.dimension]
        spread += value * value / Double(count)
        centred[place] = Float(value)
      }
      return (centred, side.dimension, Float(-1 / (2 * noise * noise * max(spread, 1e-300))))
    }
    let block = 16
    let blocks = (count + block - 1) / block
    var parts = [(sum: Double, lonely: Int)](repeating: (0, 0), count: blocks)
    let memory = (0..<pool.threadCount).map { _ in Buffer<Float>(2 * block * count) }
    let squares = sides.map { side in
      (0..<count).map { row in
        (0..<side.dimension).reduce(Float(0)) {
          $0 + side.values[row * side.dimension + $1] * side.values[row * side.dimension + $1]
        }
      }
    }
    parts.withUnsafeMutableBufferPointer { parts in
      nonisolated(unsafe) let parts = parts
      pool.forEach(blocks) { item, worker in
        let start = item * block
        let rows = min(block, count - start)
        for (index, side) in sides.enumerated() {
          let out = memory[worker].start + index * block * count
          side.values.withUnsafeBufferPointer { x in
            guard let x = x.baseAddress else { return }
            Float.gemm(
              MatrixProduct(
                m: rows, n: count, k: side.dimension, alpha: -2, a: x + start * side.dimension,
                lda: side.dimension, b: x, ldb: side.dimension, transposeB: true, beta: 0, c: out,
                ldc: count))
          }
        }
        var (sum, lonely) = (0.0, 0)
        for row in 0..<rows {
          let own = start + row
          let x = memory[worker].start + row * count
          let y = x + block * count
          // The sample itself is left out.
          (x[own], y[own]) = (1e30, 1e30)
          let (both, left, right) = squares[0].withUnsafeBufferPointer { xSquares in
            squares[1].withUnsafeBufferPointer { ySquares -> (Double, Double, Double) in
              guard let p = xSquares.baseAddress, let q = ySquares.baseAddress else {
                return (0, 1, 1)
              }
              return GaussianKernels.sums(
                .init(products: x, squares: p, factor: sides[0].factor),
                .init(products: y, squares: q, factor: sides[1].factor), own: own, count: count)
            }
          }
          if both > 1e-30 {
            sum += log(both) - log(left) - log(right) + log(Double(count - 1))
          } else {
            lonely += 1
          }
        }
        parts[item] = (sum, lonely)
      }
    }
    let lonely = parts.reduce(0) { $0 + $1.lonely }
    guard lonely < count else {
      throw EstimationError(
        message:
          "no two samples are within a kernel's width of each other; take kernels wider than "
          + "\(noise) of the spread (--noise), or gaussian"
      )
    }
    let value = parts.reduce(0) { $0 + $1.sum } / Double(count - lonely)
    return (value, lonely > count / 100 ? [.highDimension] : [])
  }
}
