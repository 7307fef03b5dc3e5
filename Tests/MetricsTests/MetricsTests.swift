import Arrays
import Foundation
import Kernels
import Metrics
import Testing

@Suite struct MetricsTests {
  private func value(_ measure: RowSimilarity, _ a: [Float], _ b: [Float]) -> Double {
    a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { b in measure.value(a, b) } }
  }

  @Test func `a row is perfectly like itself`() {
    let row: [Float] = [0.5, 0.25, 0.125, 0.125]
    #expect(abs(value(.rawCosine, row, row) - 1) < 1e-12)
    #expect(abs(value(.centredCosine, row, row) - 1) < 1e-12)
    #expect(abs(value(.rankCorrelation, row, row) - 1) < 1e-12)
    #expect(abs(value(.jensenShannon, row, row)) < 1e-12)
    #expect(abs(value(.kullbackLeibler, row, row)) < 1e-12)
  }

  @Test func `the uniform row says nothing once centred, though its raw cosine is high`() {
    let uniform = [Float](repeating: 0.25, count: 4)
    let row: [Float] = [0.4, 0.3, 0.2, 0.1]
    #expect(value(.rawCosine, uniform, row) > 0.9)
    #expect(value(.centredCosine, uniform, row) == 0)
    #expect(value(.rankCorrelation, uniform, row) == 0)
  }

  @Test func `disjoint rows are as far as rows can be`() {
    #expect(abs(value(.jensenShannon, [1, 0], [0, 1]) - log(2)) < 1e-12)
    #expect(value(.rawCosine, [1, 0], [0, 1]) == 0)
    #expect(value(.rankCorrelation, [3, 2, 1], [1, 2, 3]) == -1)
    // Ties share a rank: 4.5/√22.5; signs and the sign of zero count as numbers do.
    #expect(abs(value(.rankCorrelation, [1, 2, 2, 4], [1, 3, 2, 4]) - 0.9486832980505138) < 1e-15)
    #expect(abs(value(.rankCorrelation, [-1, -2, 3], [2, 1, 3]) - 1) < 1e-15)
    #expect(abs(value(.rankCorrelation, [-0.0, 0, 1], [0, 0, 7]) - 1) < 1e-15)
  }

  @Test func `independent random maps over 64 tokens already have a high raw cosine`() {
    // science.md section 3: 0.935 for softmax of independent unit normal scores is not reached by their centred cosine.
    var random = Philox(seed: 2, stream: 3)
    func map() -> [Float] {
      let scores = (0..<64).map { _ in exp(0.26 * random.normal()) }
      let sum = scores.reduce(0, +)
      return scores.map { Float($0 / sum) }
    }
    let pairs = (0..<200).map { _ in (map(), map()) }
    let raw = pairs.reduce(0) { $0 + value(.rawCosine, $1.0, $1.1) } / 200
    let centred = pairs.reduce(0) { $0 + value(.centredCosine, $1.0, $1.1) } / 200
    #expect(raw > 0.9)
    #expect(abs(centred) < 0.05)
  }

  @Test func `comparison averages over queries and keeps samples and heads apart`() {
    let network = NDArray<Float>(
      shape: [2, 1, 2, 2], elements: [1, 0, 0, 1, 0.5, 0.5, 0.5, 0.5])
    let candidate = NDArray<Float>(shape: [1, 1, 2, 2], elements: [1, 0, 1, 0])
    let values = AttentionComparison.compare(candidate, network)
    #expect(values[0][0] == 0.5)
    #expect(abs(values[0][1] - 0.5.squareRoot()) < 1e-7)
  }

  @Test func `padding, later keys and single keys count nothing`() {
    // One sample of 2 positions in 3, causal: only the second query sees more than one key.
    let network = NDArray<Float>(
      shape: [1, 1, 3, 3], elements: [1, 0, 0, 0.5, 0.5, 0, 0.5, 0.5, 0])
    let mask = AttentionMask(of: network, lengths: [2])
    #expect(mask.isCausal)
    #expect((0..<3).map { mask.visibleKeys(sample: 0, query: $0) } == [0, 2, 0])
    // Over the two keys that are seen the uniform map is the network's.
    #expect(abs(AttentionComparison.compare(nil, network, mask: mask)[0][0] - 1) < 1e-7)
    #expect(AttentionComparison.compare(nil, network)[0][0] < 0.8)
    let other = NDArray<Float>(shape: [1, 1, 3, 3], elements: [0, 1, 0, 0, 1, 9, 0, 1, 0])
    let value = AttentionComparison.compare(other, network, mask: mask)[0][0]
    #expect(abs(value - 0.5.squareRoot()) < 1e-7)
    let full = NDArray<Float>(shape: [1, 1, 2, 2], elements: [0.9, 0.1, 0.5, 0.5])
    #expect(!AttentionMask(of: full).isCausal)
    #expect(AttentionMask(of: full).visibleKeys(sample: 0, query: 0) == 2)
  }

  @Test func `drift, direction and spread of known states`() {
    let first = NDArray<Float>(shape: [1, 2, 2], elements: [3, 4, 0, 0])
    let turned = NDArray<Float>(shape: [1, 2, 2], elements: [4, -3, 0, 0])
    #expect(abs(StateComparison.drift(turned, from: first)[0] - 2.0.squareRoot()) < 1e-12)
    #expect(StateComparison.cosine(turned, first)[0] == 0)
    #expect(StateComparison.cosine(first, first)[0] == 1)
    // Two positions (3, 4) and (0, 0) are half of themselves away from their mean, together √½ of the norm.
    #expect(abs(StateComparison.positionSpread(first, positions: 2)[0] - 0.5.squareRoot()) < 1e-12)
    let same = NDArray<Float>(shape: [1, 2, 2], elements: [1, 2, 1, 2])
    #expect(StateComparison.positionSpread(same, positions: 2)[0] == 0)
  }

  @Test(arguments: [2, 3, 128])
  func `every sample is shuffled to another`(count: Int) {
    let order = AttentionComparison.shuffled(count)
    #expect(order.sorted() == Array(0..<count))
    #expect(order.enumerated().allSatisfy { $0.offset != $0.element })
  }

  @Test func `skill is 1 for perfect, 0 for the null, negative below`() {
    #expect(skill(1, null: 0.9) == 1)
    #expect(skill(0.9, null: 0.9) == 0)
    #expect(skill(0.8, null: 0.9) < 0)
    #expect(skill(0.5, null: 1).isNaN)
  }

  @Test func `CKA ignores rotation and scale, and tells unrelated states apart`() {
    var random = Philox(seed: 4, stream: 4)
    let x = NDArray<Float>(
      shape: [200, 2], elements: (0..<400).map { _ in Float(random.normal()) })
    var turned = x
    for i in 0..<200 {
      let (a, b) = (x[i, 0], x[i, 1])
      turned[i, 0] = 3 * (0.6 * a - 0.8 * b)
      turned[i, 1] = 3 * (0.8 * a + 0.6 * b)
    }
    let other = NDArray<Float>(
      shape: [200, 2], elements: (0..<400).map { _ in Float(random.normal()) })
    let cka = CenteredKernelAlignment(x)
    #expect(abs(cka.alignment(with: CenteredKernelAlignment(turned)) - 1) < 1e-6)
    #expect(cka.alignment(with: CenteredKernelAlignment(other)) < 0.1)
  }

  @Test func `bootstrap intervals cover the mean of a normal about 95 times in 100`() {
    var covered = 0
    for trial in 0..<200 {
      var random = Philox(seed: 5, stream: UInt64(trial))
      let values = (0..<60).map { _ in random.normal() }
      let interval = Bootstrap(count: 60, repetitions: 400, seed: UInt64(trial))
        .interval(ofMean: values)
      if interval.lower <= 0 && 0 <= interval.upper { covered += 1 }
    }
    #expect(covered >= 180, "\(covered) of 200")
  }

  @Test func `state errors and correlations of known states`() {
    let a = NDArray<Float>(shape: [1, 1, 4], elements: [1, 2, 3, 4])
    let b = NDArray<Float>(shape: [1, 1, 4], elements: [2, 4, 6, 8])
    #expect(abs(StateComparison.relativeError(a, b)[0] - 0.25) < 1e-12)
    #expect(abs(StateComparison.correlation(a, b)[0] - 1) < 1e-12)
    #expect(abs(StateComparison.positionNorm(a, positions: 1)[0] - 30.0.squareRoot()) < 1e-9)
  }

  /// Quantiles of any table of Student's t.
  @Test(arguments: [(2, 12.706), (3, 4.303), (4, 3.182), (5, 2.776), (11, 2.228), (31, 2.042)])
  func `an interval over few values is Student's`(count: Int, quantile: Double) {
    // The values -1 and 1 alternate around 10; an odd count adds the mean itself.
    let values = (0..<count).map {
      10 + ($0 == count - 1 && count % 2 == 1 ? 0 : $0 % 2 == 0 ? -1.0 : 1)
    }
    let mean = values.reduce(0, +) / Double(count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
    let interval = StudentInterval(values + [.nan])
    #expect(interval.count == count && abs(interval.mean - mean) < 1e-12)
    let reach = quantile * (variance / Double(count)).squareRoot()
    #expect(abs(interval.upper - mean - reach) < 1e-3 * reach)
    #expect(abs(mean - interval.lower - reach) < 1e-3 * reach)
    #expect(StudentInterval([3]).lower.isNaN && StudentInterval([]).mean.isNaN)
  }

  @Test func `entropy, distance and likeness of heads are those of known maps`() {
    // Head 0 attends to itself, head 1 to everything alike; 2 samples, 6 positions on a 2 x 3 grid.
    let n = 6
    let one = (0..<n * n).map { Float($0 / n == $0 % n ? 1 : 0) }
    let all = [Float](repeating: 1 / 6, count: n * n)
    let maps = NDArray(shape: [2, 2, n, n], elements: one + all + one + all)
    let whole = AttentionStructure(maps, mask: AttentionMask(positions: n), columns: 3)
    #expect(abs(whole.entropy[0]) < 1e-6 && abs(whole.entropy[1] - log(6)) < 1e-6)
    #expect(whole.distance[0] == 0)
    let mean =
      (0..<n * n).map { pair -> Double in
        let (q, k) = (pair / n, pair % n)
        return hypot(Double(q / 3 - k / 3), Double(q % 3 - k % 3))
      }.reduce(0, +) / 36
    #expect(abs(whole.distance[1] - mean) < 1e-6)
    #expect(abs(whole.headSimilarity - 1 / 6.0.squareRoot()) < 1e-6)
    // A class token before a grid of 1 x 5 has no place: distances are those of the patches, by what these get.
    let classed = AttentionStructure(
      maps, mask: AttentionMask(positions: n), columns: 5, first: 1)
    let steps = (0..<25).map { (pair: Int) -> Int in abs(pair / 5 - pair % 5) }
    let line = Double(steps.reduce(0, +)) / 25
    #expect(classed.distance[0] == 0 && abs(classed.distance[1] - line) < 1e-6)
    #expect(classed.entropy == whole.entropy)
    // Of four positions that are no padding, the uniform row is uniform over four.
    let cut = AttentionStructure(
      maps, mask: AttentionMask(positions: n, lengths: [4, 4]), columns: 6)
    #expect(abs(cut.entropy[1] - log(4)) < 1e-6 && abs(cut.headSimilarity - 0.5) < 1e-6)
    let single = NDArray(shape: [1, 1, n, n], elements: all)
    #expect(
      AttentionStructure(single, mask: AttentionMask(positions: n), columns: 3).headSimilarity.isNaN
    )
  }

  @Test func `a rollout is the product of half maps and half identities`() {
    // Two samples of two positions; the second sample's second head cancels nothing out: means over heads enter.
    let first = NDArray<Float>(
      shape: [2, 1, 2, 2], elements: [0.5, 0.5, 1, 0, 0, 1, 1, 0])
    let second = NDArray<Float>(
      shape: [2, 2, 2, 2],
      elements: [1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1])
    var rollout = AttentionRollout(samples: 2, positions: 2)
    #expect(rollout.maps.elements == [1, 0, 0, 1, 1, 0, 0, 1])
    rollout.add(first)
    #expect(rollout.maps.elements == [0.75, 0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    rollout.add(second)
    // Identity maps change nothing; of the other sample every row is the same already.
    #expect(rollout.maps.elements == [0.75, 0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    var mixed = AttentionRollout(samples: 1, positions: 2)
    mixed.add(NDArray(shape: [1, 1, 2, 2], elements: [0.5, 0.5, 1, 0]))
    mixed.add(NDArray(shape: [1, 1, 2, 2], elements: [0, 1, 0.25, 0.75]))
    // ½(A₂ + I) = [½ ½; ⅛ ⅞] times [¾ ¼; ½ ½].
    #expect(mixed.maps.elements == [0.625, 0.375, 0.53125, 0.46875])
  }

  @Test func `uniform maps see what the mask lets them see`() {
    let mask = AttentionMask(positions: 3, lengths: [2], isCausal: true)
    #expect(mask.uniformMaps(samples: 1).elements == [1, 0, 0, 0.5, 0.5, 0, 0, 0, 1])
  }
}
