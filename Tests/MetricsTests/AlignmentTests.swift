import Arrays
import Foundation
import Kernels
import Metrics
import Testing

/// What is known of alignments, barriers and the logit lens.
@Suite struct AlignmentTests {
  private static func gaussian(_ count: Int, seed: UInt64) -> [Double] {
    var random = Philox(seed: seed, purpose: .noise, index: 1)
    return (0..<count).map { _ in random.normal() }
  }

  /// `x` `[rows, width]` turned by a Householder reflection, times 3, plus 7.
  private static func turned(_ x: [Double], _ width: Int) -> [Double] {
    let v = gaussian(width, seed: 99)
    let square = v.reduce(0) { $0 + $1 * $1 }
    return stride(from: 0, to: x.count, by: width).flatMap { row -> [Double] in
      let dot = (0..<width).reduce(0) { $0 + x[row + $1] * v[$1] }
      return (0..<width).map { 3 * (x[row + $0] - 2 * dot / square * v[$0]) + 7 }
    }
  }

  @Test func `alignment by features is that by samples`() {
    let (rows, p, q) = (30, 8, 5)
    let (x, y) = (Self.gaussian(rows * p, seed: 1), Self.gaussian(rows * q, seed: 2))
    let found = FeatureAlignment(x, y, rows: rows)
    func kernel(_ values: [Double], _ width: Int) -> CenteredKernelAlignment {
      CenteredKernelAlignment(
        NDArray(shape: [rows, width], elements: values.map { Float($0) }))
    }
    let (a, b) = (kernel(x, p), kernel(y, q))
    #expect(abs(found.alignment - a.alignment(with: b)) < 1e-5)
    #expect(abs(found.debiased - a.debiasedAlignment(with: b)) < 1e-5)
  }

  @Test func `a rotated, scaled and shifted copy is the same`() {
    let x = Self.gaussian(40 * 12, seed: 3)
    let found = FeatureAlignment(x, Self.turned(x, 12), rows: 40)
    #expect(abs(found.alignment - 1) < 1e-12 && abs(found.debiased - 1) < 1e-12)
    #expect(found.procrustes < 1e-12)
  }

  @Test func `of independent noise the biased alignment is known, the debiased 0`() {
    let (n, p, q) = (200, 300, 100)
    var (biased, debiased) = (0.0, 0.0)
    for seed in 0..<4 {
      let found = FeatureAlignment(
        Self.gaussian(n * p, seed: UInt64(2 * seed)),
        Self.gaussian(n * q, seed: UInt64(2 * seed + 1)),
        rows: n, withProcrustes: false)
      #expect(found.procrustes.isNaN)
      biased += found.alignment / 4
      debiased += found.debiased / 4
    }
    let m = Double(n - 1)
    let sizes = (m + Double(p) + 1) * (m + Double(q) + 1)
    let known = (Double(p * q) / sizes).squareRoot()
    #expect(abs(biased - known) < 0.005 && abs(debiased) < 0.01)
  }

  @Test func `a bowl has no barrier, a double well one of 1`() {
    let fractions = (0...10).map { Double($0) / 10 }
    let ways = fractions.map { 1 - 2 * $0 }
    #expect(abs(LossBarrier.height(ways.map { 1.5 * $0 * $0 }, at: fractions)) < 1e-15)
    let well = ways.map { ($0 * $0 - 1) * ($0 * $0 - 1) }
    #expect(abs(LossBarrier.height(well, at: fractions) - 1) < 1e-12)
    #expect(LossBarrier.height([1, .nan], at: [0, 1]).isNaN)
    #expect(LossBarrier.height([], at: []).isNaN)
  }

  @Test func `loss and rank are those of the softmax`() {
    let scores: [Float] = [9, 1, -2, 3, 1]
    let sum = scores.dropFirst().reduce(0.0) { $0 + exp(Double($1)) }
    let found = Unembedding.read(scores[1...], target: 0)
    #expect(abs(found.loss - (log(sum) - 1)) < 1e-12)
    #expect(found.rank == 2 && found.top == 2)
    #expect(Unembedding.read([.nan, 1], target: 1).loss.isNaN)
  }

  @Test func `norm and scores are the plain loop's`() {
    let x: [Float] = [1, 2, 4, -1, 0, 3]
    var layer = Unembedding(
      scores: .init(weight: [1, 0, 0, 0, 1, 1], bias: [0.5, -1], outputs: 2))
    layer.norm = .init(
      gain: [1, 2, 3], bias: [0, 1, 0], isRootMeanSquare: false, epsilon: 1e-5)
    for (row, found) in [layer(Array(x[0..<3])), layer(Array(x[3..<6]))].enumerated() {
      let values: [Double] = x[row * 3..<row * 3 + 3].map { Double($0) }
      let mean = values.reduce(0, +) / 3
      let squares: Double = values.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) }
      let scale = 1 / (squares / 3 + 1e-5).squareRoot()
      let normed = values.map { ($0 - mean) * scale }
      let expected: [Double] = [normed[0] + 0.5, 2 * normed[1] + 1 + 3 * normed[2] - 1]
      for (a, b) in zip(found, expected) { #expect(abs(Double(a) - b) < 1e-5) }
    }
    layer.norm?.isRootMeanSquare = true
    let square = (1.0 + 4 + 16) / 3
    #expect(
      abs(Double(layer(Array(x[0..<3]))[0]) - (1 / (square + 1e-5).squareRoot() + 0.5)) < 1e-6)
    // Without norm, an identity leaves the states.
    let identity = Unembedding(scores: .init(weight: [1, 0, 0, 1], bias: nil, outputs: 2))
    #expect(identity([3, -4]) == [3, -4])
  }
}
