import Arrays
import Foundation
import Kernels
import Metrics
import Testing

/// What no metric may depend on, and what none may hide.
@Suite struct ScaleTests {
  /// 2⁻⁴⁰, about 10⁻¹², to 2⁴⁰, and to where squares of float32 are out of its range.
  private static let scales: [Float] = [
    0x1p-100, 0x1p-40, 1e-12, 1e-6, 1, 1e6, 1e12, 0x1p40, 0x1p100,
  ]

  private func noise(_ shape: [Int], _ stream: UInt64, seed: UInt64 = 41) -> NDArray<Float> {
    var random = Philox(seed: seed, stream: stream)
    return NDArray(
      shape: shape, elements: (0..<shape.reduce(1, *)).map { _ in Float(random.normal()) })
  }

  /// Rows of `keys` entries above 0 that sum to 1.
  private func maps(_ shape: [Int], _ stream: UInt64) -> NDArray<Float> {
    let raw = noise(shape, stream).elements.map { exp($0) }
    let keys = shape[shape.count - 1]
    var rows = raw
    for start in stride(from: 0, to: raw.count, by: keys) {
      let sum = raw[start..<start + keys].reduce(0, +)
      for i in start..<start + keys { rows[i] = raw[i] / sum }
    }
    return NDArray(shape: shape, elements: rows)
  }

  private func scaled(_ a: NDArray<Float>, _ factor: Float) -> NDArray<Float> {
    NDArray(shape: a.shape, elements: a.elements.map { $0 * factor })
  }

  private func expectSame(
    _ found: [Double], _ expected: [Double], _ what: String, tolerance: Double = 1e-5
  ) {
    #expect(found.count == expected.count)
    for (a, b) in zip(found, expected) {
      #expect(
        a.isNaN && b.isNaN || abs(a - b) <= tolerance * max(1, abs(b)), "\(what): \(a), not \(b)")
    }
  }

  /// Each metric of two states, all without a unit.
  private func ofStates(_ a: NDArray<Float>, _ b: NDArray<Float>) -> [String: [Double]] {
    let (left, right) = (CenteredKernelAlignment(a), CenteredKernelAlignment(b))
    return [
      "correlation": StateComparison.correlation(a, b),
      "cosine": StateComparison.cosine(a, b),
      "relative error": StateComparison.relativeError(a, b),
      "drift": StateComparison.drift(a, from: b),
      "spread": StateComparison.positionSpread(a, positions: a.shape[1]),
      "CKA": [left.alignment(with: right)],
      "debiased CKA": [left.debiasedAlignment(with: right)],
    ]
  }

  @Test func `metrics of states have no unit`() {
    let (a, b) = (noise([12, 3, 5], 1), noise([12, 3, 5], 2))
    let one = ofStates(a, b)
    for scale in Self.scales {
      for (name, values) in ofStates(scaled(a, scale), scaled(b, scale)) {
        expectSame(values, one[name] ?? [], "\(name) at \(scale)")
      }
      let (large, left) = (scaled(a, scale), CenteredKernelAlignment(b))
      // Of one state alone it may be another.
      for (name, found) in [
        ("correlation", StateComparison.correlation(large, b)),
        ("cosine", StateComparison.cosine(large, b)),
        ("CKA", [left.alignment(with: CenteredKernelAlignment(large))]),
        ("debiased CKA", [left.debiasedAlignment(with: CenteredKernelAlignment(large))]),
      ] { expectSame(found, one[name] ?? [], "\(name), one at \(scale)") }
      expectSame(
        StateComparison.norm(large).map { $0 / Double(scale) }, StateComparison.norm(a), "norm")
      expectSame(
        StateComparison.positionNorm(large, positions: 3).map { $0 / Double(scale) },
        StateComparison.positionNorm(a, positions: 3), "norm of positions")
    }
  }

  @Test func `correlation and CKA have no zero`() {
    let (a, b) = (noise([12, 3, 5], 3), noise([12, 3, 5], 4))
    for offset: Float in [1e-3, 1, 1e3] {
      let moved = NDArray(shape: a.shape, elements: a.elements.map { $0 + offset })
      for name in ["correlation", "CKA", "debiased CKA"] {
        expectSame(
          ofStates(moved, b)[name] ?? [], ofStates(a, b)[name] ?? [], "\(name) + \(offset)",
          tolerance: 1e-3)
      }
    }
  }

  @Test func `metrics of maps divide by the row's sum, of any size`() {
    let (a, b) = (maps([2, 3, 6, 6], 5), maps([2, 3, 6, 6], 6))
    let mask = AttentionMask(positions: 6)
    let one = AttentionComparison.compare(a, b)
    let structure = AttentionStructure(a, mask: mask, columns: 3)
    for scale in Self.scales {
      let large = scaled(a, scale)
      for (found, expected) in zip(AttentionComparison.compare(large, b), one) {
        expectSame(found, expected, "maps at \(scale)")
      }
      let found = AttentionStructure(large, mask: mask, columns: 3)
      expectSame(found.entropy, structure.entropy, "entropy at \(scale)")
      expectSame(found.distance, structure.distance, "distance at \(scale)")
      expectSame([found.headSimilarity], [structure.headSimilarity], "heads at \(scale)")
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `what is not finite is in no metric's 0, and spoils its own sample alone`(value: Float) {
    let (a, b) = (noise([6, 3, 5], 7), noise([6, 3, 5], 8))
    var broken = a
    broken.elements[2 * 15 + 4] = value
    #expect(StateComparison.broken(broken) == [false, false, true, false, false, false])
    for pair in [(broken, b), (b, broken)] {
      let (found, whole) = (ofStates(pair.0, pair.1), ofStates(a, b))
      for name in ["correlation", "cosine", "relative error", "drift"] {
        let values = found[name] ?? []
        #expect(!values[2].isFinite, "\(name): \(values[2])")
        #expect(values.enumerated().allSatisfy { $0.offset == 2 || $0.element.isFinite })
        #expect(values[2] != 0 && whole[name]?[2].isFinite == true)
      }
      #expect(found["CKA"]?[0].isNaN == true && found["debiased CKA"]?[0].isNaN == true)
    }
    let (p, q) = (maps([2, 2, 4, 4], 9), maps([2, 2, 4, 4], 10))
    var worse = p
    worse.elements[16 + 5] = value
    for (measure, values) in zip(RowSimilarity.allCases, AttentionComparison.compare(worse, q)) {
      #expect(values[1].isNaN, "\(measure.rawValue): \(values[1])")
      #expect([0, 2, 3].allSatisfy { values[$0].isFinite }, "\(measure.rawValue)")
    }
    for (measure, values) in zip(RowSimilarity.allCases, AttentionComparison.compare(q, worse)) {
      #expect(values[1].isNaN && values[0].isFinite, "\(measure.rawValue): \(values)")
    }
    let structure = AttentionStructure(worse, mask: AttentionMask(positions: 4), columns: 2)
    #expect(structure.entropy[0].isFinite && !structure.entropy[1].isFinite)
    #expect(!structure.headSimilarity.isFinite)
    var rollout = AttentionRollout(samples: 2, positions: 4)
    rollout.add(worse)
    let isFinite = rollout.maps.elements[..<16].allSatisfy(\.isFinite)
    #expect(!isFinite)
    let interval = Bootstrap(count: 6, seed: 1).interval(ofMean: [1, 2, .nan, 4, 5, 6])
    #expect(interval.lower.isNaN && interval.upper.isNaN)
  }

  @Test func `debiased CKA of independent noise is 0, biased CKA what it says it is`() {
    for n in [8, 24, 48, 128] {
      for d in [4, 96, 1000] {
        var (biased, debiased, noise) = (0.0, 0.0, 0.0)
        let draws = 24
        for draw in 0..<draws {
          let stream = UInt64(n * 10_000 + d * 3 + draw * 1_000_003)
          let x = CenteredKernelAlignment(self.noise([n, d], stream, seed: 42))
          let y = CenteredKernelAlignment(self.noise([n, d], stream, seed: 43))
          biased += x.alignment(with: y) / Double(draws)
          debiased += x.debiasedAlignment(with: y) / Double(draws)
          noise = x.noiseAlignment
        }
        // HSIC₁ of noise has the standard deviation √2/n of its size here, and 24 draws; four standard errors.
        #expect(abs(debiased) < 4 * 2.0.squareRoot() / Double(n) / Double(draws).squareRoot())
        // A mean of quotients, not a quotient of means: of few numbers of few samples it is larger.
        let isLarge = n * d > 90
        #expect(
          abs(biased - noise) < 0.1 * noise + (isLarge ? 0.02 : 0.1),
          "\(n), \(d): \(biased), not \(noise)")
        #expect(CenteredKernelAlignment(self.noise([n, d], 1)).isBiased == (noise > 0.1))
      }
    }
  }

  /// HSIC₁ as Song et al. write it, against the doubly centred products.
  @Test func `debiased CKA is the formula's, 1 for itself, and blind to rotation and scale`() {
    let (n, d) = (9, 4)
    let (x, y) = (noise([n, d], 11), noise([n, d], 12))
    func gram(_ a: NDArray<Float>) -> [[Double]] {
      (0..<n).map { i in
        (0..<n).map { j in
          i == j ? 0 : (0..<d).reduce(0) { $0 + Double(a[i, $1]) * Double(a[j, $1]) }
        }
      }
    }
    func hsic(_ k: [[Double]], _ l: [[Double]]) -> Double {
      var (trace, product) = (0.0, 0.0)
      let (rows, others) = (k.map { $0.reduce(0, +) }, l.map { $0.reduce(0, +) })
      for i in 0..<n { for j in 0..<n { trace += k[i][j] * l[j][i] } }
      for i in 0..<n { product += rows[i] * others[i] }
      let m = Double(n)
      let sums = rows.reduce(0, +) * others.reduce(0, +)
      return (trace + sums / ((m - 1) * (m - 2)) - 2 / (m - 2) * product) / (m * (m - 3))
    }
    let (k, l) = (gram(x), gram(y))
    let expected = hsic(k, l) / (hsic(k, k) * hsic(l, l)).squareRoot()
    let (a, b) = (CenteredKernelAlignment(x), CenteredKernelAlignment(y))
    #expect(abs(a.debiasedAlignment(with: b) - expected) < 1e-9)
    #expect(abs(a.debiasedAlignment(with: a) - 1) < 1e-12)
    var turned = x
    for i in 0..<n {
      turned[i, 0] = 3 * (0.6 * x[i, 0] - 0.8 * x[i, 1])
      turned[i, 1] = 3 * (0.8 * x[i, 0] + 0.6 * x[i, 1])
      for c in 2..<d { turned[i, c] = -3 * x[i, c] }
    }
    #expect(abs(a.debiasedAlignment(with: CenteredKernelAlignment(turned)) - 1) < 1e-6)
    for short in 1...3 {
      let few = CenteredKernelAlignment(noise([short, d], 13))
      #expect(few.debiasedAlignment(with: few).isNaN)
    }
    let constant = CenteredKernelAlignment(
      NDArray(shape: [n, d], elements: [Float](repeating: 0.1, count: n * d)))
    #expect(constant.debiasedAlignment(with: a).isNaN)
  }

  @Test func `skill against a null that is perfect but for rounding is none`() {
    for gap in [0, 1e-16, 1e-12, 1e-7, perfectNullMargin] {
      #expect(skill(0.9, null: 1 - gap).isNaN && skill(1, null: 1 - gap).isNaN, "\(gap)")
      #expect(skill(0.5, null: 1 + gap).isNaN)
    }
    #expect(skill(.nan, null: 0.5).isNaN && skill(0.5, null: .nan).isNaN)
    #expect(abs(skill(1 - 1e-4, null: 1 - 1e-3) - 0.9) < 1e-9)
    // Two equal maps, one rounded to bfloat16, are within the margin.
    let map = maps([1, 1, 50, 50], 14)
    let rounded = NDArray(
      shape: map.shape,
      elements: map.elements.map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) })
    let likeness = AttentionComparison.compare(rounded, map)[0][0]
    #expect(1 - likeness < perfectNullMargin, "\(1 - likeness)")
  }
}
