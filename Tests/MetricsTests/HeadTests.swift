import Arrays
import Kernels
import Metrics
import Testing

/// Heads whose scores are known: made ones, closed forms, and plain loops.
@Suite struct HeadTests {
  private static func gaussian(_ count: Int, seed: UInt64) -> [Double] {
    var random = Philox(seed: seed, purpose: .noise, index: 0)
    return (0..<count).map { _ in random.normal() }
  }

  /// `[m, k]` times `[k, n]`, by the plain loop.
  private static func product(_ a: [Double], _ b: [Double], _ m: Int, _ k: Int, _ n: Int)
    -> [Double]
  {
    var c = [Double](repeating: 0, count: m * n)
    for i in 0..<m {
      for j in 0..<n { for l in 0..<k { c[i * n + j] += a[i * k + l] * b[l * n + j] } }
    }
    return c
  }

  private static func transposed(_ a: [Double], _ rows: Int, _ columns: Int) -> [Double] {
    (0..<a.count).map { a[$0 % rows * columns + $0 / rows] }
  }

  private static func norm(_ a: [Double]) -> Double { a.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  @Test func `eigenvalues of a turn are imaginary, of a triangle its diagonal`() throws {
    let turn = try #require(Eigenvalues.of([0, -2, 2, 0], count: 2))
    #expect(turn.map(\.real).allSatisfy { abs($0) < 1e-15 })
    for (found, known) in zip(turn.map(\.imaginary).sorted(), [-2.0, 2]) {
      #expect(abs(found - known) < 1e-14)
    }
    let triangle = try #require(Eigenvalues.of([3, 7, -5, 0, -1, 2, 0, 0, 0.5], count: 3))
    for (found, known) in zip(triangle.map(\.real).sorted(), [-1, 0.5, 3]) {
      #expect(abs(found - known) < 1e-14)
    }
    #expect(Eigenvalues.of([.nan], count: 1) == nil)
  }

  @Test func `a head that writes what it reads copies, one that writes the opposite does not`() {
    let (width, head) = (24, 5)
    let a = Self.gaussian(width * head, seed: 1)
    for sign in [1.0, -1] {
      let circuit = HeadCircuit(
        query: a, key: a, value: Self.transposed(a, width, head), output: a.map { sign * $0 },
        width: width, headWidth: head)
      #expect(abs(circuit.copying - sign) < 1e-12)
    }
    let zero = [Double](repeating: 0, count: width * head)
    let none = HeadCircuit(
      query: zero, key: zero, value: zero, output: zero, width: width, headWidth: head)
    #expect(none.copying.isNaN && none.composition(.query, with: none).isNaN)
  }

  @Test func `random heads neither copy nor compose beyond 1 over the root of the width`() {
    var random = Philox(seed: 7, purpose: .noise, index: 3)
    let heads = (0..<40).map { _ in HeadCircuit(random: &random, width: 256, headWidth: 32) }
    let copying = heads.map(\.copying)
    let mean = copying.reduce(0, +) / 40
    #expect(abs(mean) < 0.1)
    for kind in HeadCircuit.Composition.allCases {
      let values = (0..<20).map { heads[2 * $0].composition(kind, with: heads[2 * $0 + 1]) }
      let mean = values.reduce(0, +) / 20
      #expect(abs(mean - 0.0625) < 1e-3)
    }
  }

  @Test func `compositions are those of the whole matrices`() {
    let (width, head) = (9, 3)
    func matrices(_ seed: UInt64) -> [[Double]] {
      (0..<4).map { Self.gaussian(width * head, seed: seed + UInt64($0)) }
    }
    let (a, b) = (matrices(10), matrices(20))
    func circuit(_ m: [[Double]]) -> HeadCircuit {
      HeadCircuit(
        query: m[0], key: m[1], value: m[2], output: m[3], width: width, headWidth: head)
    }
    func moved(_ m: [[Double]]) -> [Double] { Self.product(m[3], m[2], width, head, width) }
    let seen = Self.product(Self.transposed(b[0], head, width), b[1], width, head, width)
    let expected: [HeadCircuit.Composition: [Double]] = [
      .query: Self.transposed(seen, width, width), .key: seen, .value: moved(b),
    ]
    for (kind, left) in expected {
      let whole = Self.product(left, moved(a), width, width, width)
      let known = Self.norm(whole) / (Self.norm(left) * Self.norm(moved(a)))
      #expect(abs(circuit(b).composition(kind, with: circuit(a)) - known) < 1e-12)
    }
  }

  /// Maps of one sample and one head per function of query and key.
  private static func maps(_ n: Int, _ heads: [(Int, Int) -> Float]) -> NDArray<Float> {
    NDArray(
      shape: [1, heads.count, n, n],
      elements: heads.flatMap { head in
        (0..<n * n).map { $0 % n > $0 / n ? 0 : head($0 / n, $0 % n) }
      })
  }

  @Test func `made heads score 1, the uniform map the mean of 1 over the keys seen`() throws {
    let period = 20
    let n = 2 * period
    let tokens = (0..<n).map { Int32($0 % period * 7 % 23) }
    let found = try #require(TokenPeriod(tokens))
    #expect(found.length == period && found.queries == period..<n)
    let maps = Self.maps(
      n,
      [
        { query, key in key == max(0, query - period + 1) ? 1 : 0 },
        { query, key in key == max(0, query - 1) ? 1 : 0 }, { _, key in key == 0 ? 1 : 0 },
        { query, _ in 1 / Float(query + 1) },
      ])
    let scores = HeadScores(maps, mask: AttentionMask(of: maps), periods: [found])
    let induction = try #require(scores.values[.induction])
    #expect(induction[0] == [1] && induction[1] == [0] && induction[2] == [0])
    let sum: Double = (period..<n).reduce(0.0) { $0 + 1 / Double($1 + 1) }
    let known = sum / Double(period)
    #expect(abs(induction[3][0] - known) < 1e-7)
    let uniform = try #require(scores.uniform[.induction]?[0])
    #expect(abs(uniform - known) < 1e-12)
    #expect(scores.values[.previous]?[1] == [1] && scores.values[.first]?[2] == [1])
    let none = HeadScores(maps, mask: AttentionMask(of: maps), periods: [nil])
    #expect(none.values[.induction]?[0][0].isNaN == true && none.values[.previous]?[1] == [1])
  }

  @Test func `padding counts in no score`() {
    let maps = NDArray<Float>(
      shape: [1, 1, 4, 4],
      elements: [0.5, 0.5, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0])
    let mask = AttentionMask(positions: 4, lengths: [2])
    let scores = HeadScores(maps, mask: mask, periods: [nil])
    #expect(scores.values[.previous]?[0] == [1] && scores.values[.first]?[0] == [1])
    #expect(scores.uniform[.first] == [0.5])
  }

  @Test func `a sequence repeats, also between two tokens of its own`() {
    #expect(TokenPeriod([5, 1, 2, 3, 1, 2, 3])?.queries == 4..<7)
    #expect(TokenPeriod([5, 1, 2, 3, 1, 2, 3, 9])?.length == 3)
    #expect(TokenPeriod([1, 2, 3, 4, 1, 2, 4, 3]) == nil)
    #expect(TokenPeriod([4, 4, 4, 4, 4, 4]) == nil && TokenPeriod([Int32]()) == nil)
  }
}
