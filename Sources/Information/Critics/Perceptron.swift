import Kernels

/// A small network for critics and encoders: two hidden GELU layers beside a linear path from input to output.
///
/// The linear path lets it see what is linear at once; the hidden layers begin as its small correction.
final class Perceptron {
  let input: Int
  let hidden: Int
  let output: Int
  private let layout: [Int]
  let weights: Buffer<Float>
  private let gradient: Buffer<Float>
  private let first: Buffer<Float>
  private let second: Buffer<Float>
  private var stepCount = 0
  // Activations of the last forward pass.
  private var rows = 0
  private var x: [Float] = []
  private var before: [[Float]] = []
  private var after: [[Float]] = []

  init(input: Int, hidden: Int, output: Int, _ random: inout Philox) {
    (self.input, self.hidden, self.output) = (input, hidden, output)
    let sizes = [
      input * hidden, hidden, hidden * hidden, hidden, hidden * output, output, input * output,
    ]
    var places = [0]
    for size in sizes { places.append(places[places.count - 1] + size) }
    layout = places
    let count = places[places.count - 1]
    weights = Buffer(count)
    gradient = Buffer(count)
    first = Buffer(count)
    second = Buffer(count)
    for (index, fan) in [(0, input), (2, hidden), (4, hidden), (6, input)] {
      let scale = (1 / Double(fan)).squareRoot() * (index == 4 ? 0.1 : 1)
      for place in places[index]..<places[index + 1] {
        weights.start[place] = Float(random.normal() * scale)
      }
    }
  }

  private func weight(_ index: Int) -> UnsafeMutablePointer<Float> { weights.start + layout[index] }
  private func slope(_ index: Int) -> UnsafeMutablePointer<Float> { gradient.start + layout[index] }

  /// `[row, input] -> [row, output]`; activations are kept for ``backward(_:)``.
  func forward(_ values: [Float]) -> [Float] {
    rows = values.count / input
    x = values
    before = []
    after = []
    var current = values
    var width = input
    for layer in 0..<2 {
      var h = product(current, width, weight(2 * layer), hidden)
      var y = [Float](repeating: 0, count: rows * hidden)
      Float.biasGELU(&h, bias: weight(2 * layer + 1), to: &y, rows: rows, width: hidden)
      before.append(h)
      after.append(y)
      (current, width) = (y, hidden)
    }
    var out = product(current, hidden, weight(4), output)
    accumulate(x, input, weight(6), &out)
    let bias = weight(5)
    for row in 0..<rows { for c in 0..<output { out[row * output + c] += bias[c] } }
    return out
  }

  private func product(
    _ a: [Float], _ k: Int, _ w: UnsafePointer<Float>, _ n: Int
  ) -> [Float] {
    var c = [Float](repeating: 0, count: rows * n)
    Float.gemm(
      MatrixProduct(
        m: rows, n: n, k: k, alpha: 1, a: a, lda: k, b: w, ldb: n, beta: 0, c: &c, ldc: n))
    return c
  }

  private func accumulate(
    _ a: [Float], _ k: Int, _ w: UnsafePointer<Float>, _ c: inout [Float]
  ) {
    Float.gemm(
      MatrixProduct(
        m: rows, n: output, k: k, alpha: 1, a: a, lda: k, b: w, ldb: output, beta: 1, c: &c,
        ldc: output))
  }

  /// Adds the gradient of the weights for the gradient of the last output; returns that of the input.
  @discardableResult
  func backward(_ d: [Float]) -> [Float] {
    addOuter(x, input, d, output, slope(6))
    addOuter(after[1], hidden, d, output, slope(4))
    addColumns(d, output, slope(5))
    var dInput = back(d, output, weight(6), input)
    var dy = back(d, output, weight(4), hidden)
    for layer in [1, 0] {
      Float.geluGradient(before[layer], &dy, count: rows * hidden)
      let (below, width) = layer == 1 ? (after[0], hidden) : (x, input)
      addOuter(below, width, dy, hidden, slope(2 * layer))
      addColumns(dy, hidden, slope(2 * layer + 1))
      dy = back(dy, hidden, weight(2 * layer), width)
    }
    for i in dInput.indices { dInput[i] += dy[i] }
    return dInput
  }

  private func addOuter(
    _ a: [Float], _ k: Int, _ d: [Float], _ n: Int, _ g: UnsafeMutablePointer<Float>
  ) {
    Float.gemm(
      MatrixProduct(
        m: k, n: n, k: rows, alpha: 1, a: a, lda: k, transposeA: true, b: d, ldb: n, beta: 1,
        c: g, ldc: n))
  }

  private func addColumns(_ d: [Float], _ n: Int, _ g: UnsafeMutablePointer<Float>) {
    for row in 0..<rows { for c in 0..<n { g[c] += d[row * n + c] } }
  }

  private func back(_ d: [Float], _ n: Int, _ w: UnsafePointer<Float>, _ k: Int) -> [Float] {
    var c = [Float](repeating: 0, count: rows * k)
    Float.gemm(
      MatrixProduct(
        m: rows, n: k, k: n, alpha: 1, a: d, lda: n, b: w, ldb: n, transposeB: true, beta: 0,
        c: &c, ldc: k))
    return c
  }

  /// One AdamW step with the gradient added so far, which is cleared.
  func step(rate: Double, decay: Double) {
    stepCount += 1
    Float.adamW(
      weights.start, gradient: gradient.start, first: first.start, second: second.start,
      count: weights.count,
      AdamWStep(
        rate: Float(rate), beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: Float(decay),
        correction1: Float(1 - Double.power(0.9, stepCount)),
        correction2: Float(1 - Double.power(0.999, stepCount)), gradientScale: 1))
    gradient.clear()
  }
}

extension Double {
  fileprivate static func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { value, _ in value * base }
  }
}
