import Foundation
import Kernels
import Testing

/// The fast float kernels against the plain loops in double precision.
@Suite struct KernelTests {
  private func numbers(_ count: Int, _ stream: UInt64, scale: Double = 1) -> [Double] {
    var random = Philox(seed: 7, stream: stream)
    return (0..<count).map { _ in random.normal() * scale }
  }

  private func pair(_ values: [Double]) -> (fast: Buffer<Float>, plain: Buffer<Double>) {
    let (fast, plain) = (Buffer<Float>(values.count), Buffer<Double>(values.count))
    fast.assign(values.map { Float($0) })
    plain.assign(values.map { Double(Float($0)) })
    return (fast, plain)
  }

  private func difference(_ a: Buffer<Float>, _ b: Buffer<Double>) -> Double {
    zip(a.array, b.array).map { abs(Double($0) - $1) }.max() ?? 0
  }

  @Test(arguments: [1, 3, 16, 17, 31, 49, 64, 100])
  func `softmax rows sum to 1 and agree with the plain loop`(columns: Int) {
    let x = pair(numbers(5 * columns, 1, scale: 4))
    Float.softmax(x.fast.start, rows: 5, columns: columns, scale: 0.7)
    PlainKernels.softmax(x.plain.start, rows: 5, columns: columns, scale: 0.7)
    #expect(difference(x.fast, x.plain) < 3e-7)
    for row in 0..<5 {
      let sum = x.fast.array[row * columns..<(row + 1) * columns].reduce(0, +)
      #expect(abs(sum - 1) < 1e-5)
    }
  }

  @Test func `softmax of huge scores neither overflows nor divides by zero`() {
    let x = Buffer<Float>(32)
    x.assign((0..<32).map { $0 == 20 ? 1e30 : -1e30 })
    Float.softmax(x.start, rows: 1, columns: 32, scale: 1)
    #expect(x.array[20] == 1)
    #expect(x.array.allSatisfy { $0.isFinite && $0 >= 0 })
  }

  @Test(arguments: [7, 16, 49])
  func `the gradient of softmax agrees with the plain loop`(columns: Int) {
    let map = pair(numbers(4 * columns, 2))
    PlainKernels.softmax(map.plain.start, rows: 4, columns: columns, scale: 1)
    map.fast.assign(map.plain.array.map { Float($0) })
    let d = pair(numbers(4 * columns, 3))
    Float.softmaxGradient(
      map: map.fast.start, d.fast.start, rows: 4, columns: columns, scale: 0.25)
    PlainKernels.softmaxGradient(
      map: map.plain.start, d.plain.start, rows: 4, columns: columns, scale: 0.25)
    #expect(difference(d.fast, d.plain) < 1e-6)
  }

  @Test(arguments: [16, 48, 20])
  func `RMS norm and its gradient agree with the plain loop`(width: Int) {
    let rows = 6
    let x = pair(numbers(rows * width, 4, scale: 3))
    let (gain, y) = (pair(numbers(width, 5)), pair(numbers(rows * width, 7)))
    let inverse = pair(numbers(rows, 9))
    let (dy, dx) = (pair(numbers(rows * width, 10)), pair(numbers(rows * width, 11)))
    let dGain = pair(numbers(width, 12))
    Float.rmsNorm(
      x.fast.start, gain: gain.fast.start, to: y.fast.start, inverse: inverse.fast.start,
      rows: rows, width: width, epsilon: 1e-5)
    PlainKernels.rmsNorm(
      x.plain.start, gain: gain.plain.start, to: y.plain.start, inverse: inverse.plain.start,
      rows: rows, width: width, epsilon: 1e-5)
    Float.rmsNormGradient(
      x.fast.start, gain: gain.fast.start, inverse: inverse.fast.start, dy: dy.fast.start,
      dx: dx.fast.start, gainGradient: dGain.fast.start, rows: rows, width: width)
    PlainKernels.rmsNormGradient(
      x.plain.start, gain: gain.plain.start, inverse: inverse.plain.start, dy: dy.plain.start,
      dx: dx.plain.start, gainGradient: dGain.plain.start, rows: rows, width: width)
    #expect(difference(y.fast, y.plain) < 2e-6)
    #expect(difference(dx.fast, dx.plain) < 3e-6)
    #expect(difference(dGain.fast, dGain.plain) < 5e-6)
  }

  @Test(arguments: [16, 37])
  func `SwiGLU and its gradient agree with the plain loop`(count: Int) {
    let (g, u) = (pair(numbers(count, 4, scale: 5)), pair(numbers(count, 5)))
    let (y, d) = (pair(numbers(count, 6)), pair(numbers(count, 7)))
    let dGate = pair(numbers(count, 8))
    Float.swiGLU(gate: g.fast.start, u.fast.start, to: y.fast.start, count: count)
    PlainKernels.swiGLU(gate: g.plain.start, u.plain.start, to: y.plain.start, count: count)
    Float.swiGLUGradient(
      gate: g.fast.start, u.fast.start, d.fast.start, dGate: dGate.fast.start, count: count)
    PlainKernels.swiGLUGradient(
      gate: g.plain.start, u.plain.start, d.plain.start, dGate: dGate.plain.start, count: count)
    #expect(difference(y.fast, y.plain) < 2e-6)
    #expect(difference(d.fast, d.plain) < 2e-6)
    #expect(difference(dGate.fast, dGate.plain) < 2e-6)
  }

  @Test(arguments: [16, 20, 64])
  func `layer norm and its gradient agree with the plain loop`(width: Int) {
    let rows = 6
    let x = pair(numbers(rows * width, 4, scale: 3))
    let (gain, bias) = (pair(numbers(width, 5)), pair(numbers(width, 6)))
    let y = pair(numbers(rows * width, 7))
    let (mean, inverse) = (pair(numbers(rows, 8)), pair(numbers(rows, 9)))
    Float.layerNorm(
      x.fast.start, gain: gain.fast.start, bias: bias.fast.start, to: y.fast.start,
      mean: mean.fast.start, inverse: inverse.fast.start, rows: rows, width: width, epsilon: 1e-5)
    PlainKernels.layerNorm(
      x.plain.start, gain: gain.plain.start, bias: bias.plain.start, to: y.plain.start,
      mean: mean.plain.start, inverse: inverse.plain.start, rows: rows, width: width,
      epsilon: 1e-5)
    #expect(difference(y.fast, y.plain) < 2e-6)
    let dy = pair(numbers(rows * width, 10))
    let dx = pair(numbers(rows * width, 11))
    let (dGain, dBias) = (pair(numbers(width, 12)), pair(numbers(width, 13)))
    Float.layerNormGradient(
      x.fast.start, gain: gain.fast.start, mean: mean.fast.start, inverse: inverse.fast.start,
      dy: dy.fast.start, dx: dx.fast.start, gainGradient: dGain.fast.start,
      biasGradient: dBias.fast.start, rows: rows, width: width)
    PlainKernels.layerNormGradient(
      x.plain.start, gain: gain.plain.start, mean: mean.plain.start,
      inverse: inverse.plain.start, dy: dy.plain.start, dx: dx.plain.start,
      gainGradient: dGain.plain.start, biasGradient: dBias.plain.start, rows: rows, width: width)
    #expect(difference(dx.fast, dx.plain) < 3e-6)
    #expect(difference(dGain.fast, dGain.plain) < 5e-6)
    #expect(difference(dBias.fast, dBias.plain) < 5e-6)
  }

  @Test func `GELU and its derivative agree with the error function from -12 to 12`() {
    let count = 4096
    let values = (0..<count).map { -12 + 24 * Double($0) / Double(count - 1) }
    let (h, y) = (pair(values), pair(values))
    let zero = pair([Double](repeating: 0, count: count))
    Float.biasGELU(h.fast.start, bias: zero.fast.start, to: y.fast.start, rows: 1, width: count)
    PlainKernels.biasGELU(
      h.plain.start, bias: zero.plain.start, to: y.plain.start, rows: 1, width: count)
    for (fast, exact) in zip(y.fast.array, y.plain.array) {
      #expect(abs(Double(fast) - exact) <= 4e-7 * max(1, abs(exact)))
    }
    let d = pair([Double](repeating: 1, count: count))
    Float.geluGradient(h.fast.start, d.fast.start, count: count)
    PlainKernels.geluGradient(h.plain.start, d.plain.start, count: count)
    #expect(difference(d.fast, d.plain) < 1e-6)
  }

  @Test func `matrix products agree with three loops for every transposition`() {
    let (m, n, k) = (5, 7, 6)
    let (a, b) = (pair(numbers(m * k, 20)), pair(numbers(k * n, 21)))
    for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
      let c = pair(numbers(m * n, 22))
      let plain = MatrixProduct(
        m: m, n: n, k: k, alpha: 0.5, a: a.plain.start, lda: ta ? m : k, transposeA: ta,
        b: b.plain.start, ldb: tb ? k : n, transposeB: tb, beta: 2, c: c.plain.start, ldc: n)
      PlainKernels.gemm(plain)
      Float.gemm(
        MatrixProduct(
          m: m, n: n, k: k, alpha: 0.5, a: a.fast.start, lda: ta ? m : k, transposeA: ta,
          b: b.fast.start, ldb: tb ? k : n, transposeB: tb, beta: 2, c: c.fast.start, ldc: n))
      #expect(difference(c.fast, c.plain) < 1e-5)
    }
  }

  @Test func `AdamW takes a step of the learning rate's size at first`() {
    let weights = Buffer<Double>(3)
    weights.assign([1, -2, 3])
    let gradient = Buffer<Double>(3)
    gradient.assign([10, -0.001, 0])
    let (first, second) = (Buffer<Double>(3), Buffer<Double>(3))
    let step = AdamWStep<Double>(
      rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-12, decay: 0, correction1: 0.1,
      correction2: 0.001, gradientScale: 1)
    Double.adamW(
      weights.start, gradient: gradient.start, first: first.start, second: second.start, count: 3,
      step)
    #expect(abs(weights.array[0] - 0.9) < 1e-6)
    #expect(abs(weights.array[1] + 1.9) < 1e-6)
    #expect(weights.array[2] == 3)
  }
}
