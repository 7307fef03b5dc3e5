import Kernels
import Testing

/// Sums of shards against the plain recursion that says their order.
@Suite struct ShardSumTests {
  private static let length = 37

  /// Values of very different sizes: another order gives other bits.
  private static func vectors(_ shards: Int) -> [[Float]] {
    var random = Philox(seed: 5, stream: 1)
    return (0..<shards).map { _ in
      (0..<length).map { _ in Float(random.normal()) * Float(10).power(random.uniform() * 8) }
    }
  }

  /// Groups of eight from left to right, then neighbours pairwise until one is left.
  private static func plain(_ vectors: [[Float]]) -> [Float] {
    func plus(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 + $1 } }
    var sums = stride(from: 0, to: vectors.count, by: 8).map { first in
      vectors[first + 1..<min(first + 8, vectors.count)].reduce(vectors[first], plus)
    }
    while sums.count > 1 {
      sums = stride(from: 0, to: sums.count, by: 2).map { place in
        place + 1 < sums.count ? plus(sums[place], sums[place + 1]) : sums[place]
      }
    }
    return sums[0]
  }

  private static func sum(_ vectors: [[Float]], threads: Int) -> [Float] {
    let pool = WorkerPool(threadCount: threads)
    let total = Buffer<Float>(length)
    let sum = ShardSum<Float>(shards: vectors.count, threads: threads, into: total)
    // Twice: a second sum knows nothing of the first.
    for _ in 0..<2 {
      for wave in 0..<sum.waveCount {
        for (lane, shard) in sum.shards(ofWave: wave).enumerated() {
          sum.vector(wave: wave, lane).assign(vectors[shard])
        }
        sum.takeIn(wave: wave, pool)
      }
      sum.finish(pool)
    }
    return total.array
  }

  @Test func `every number of shards is summed in the order that is promised`() {
    for shards in Array(1...80) + [127, 128, 129, 512] {
      let vectors = Self.vectors(shards)
      let expected = Self.plain(vectors).map(\.bitPattern)
      for threads in [1, 2, 9, 17] {
        let found = Self.sum(vectors, threads: threads).map(\.bitPattern)
        #expect(found == expected, "\(shards) shards, \(threads) threads")
      }
    }
  }

  @Test func `eight shards are added from left to right`() {
    let vectors = Self.vectors(8)
    let expected = vectors.dropFirst().reduce(vectors[0]) { zip($0, $1).map { $0 + $1 } }
    #expect(Self.sum(vectors, threads: 2) == expected)
    // The order matters for these values: the test can fail.
    let backwards = vectors.dropLast().reversed().reduce(vectors[7]) { zip($0, $1).map { $0 + $1 } }
    #expect(backwards != expected)
  }

  @Test func `partial sums grow with the logarithm of the shards`() {
    #expect(ShardSum<Float>.bufferCount(shards: 8, threads: 2) == 8)
    #expect(ShardSum<Float>.bufferCount(shards: 64, threads: 2) == 8 + 3)
    #expect(ShardSum<Float>.bufferCount(shards: 4096, threads: 2) == 8 + 9)
    #expect(ShardSum<Float>.bufferCount(shards: 4096, threads: 16) == 16 + 9)
  }

  @Test func `a sum from zero has no negative zero`() {
    let total = Buffer<Float>(1)
    let pool = WorkerPool(threadCount: 1)
    for startsAtZero in [false, true] {
      let sum = ShardSum<Float>(shards: 2, threads: 1, into: total, startingAtZero: startsAtZero)
      for lane in 0..<2 { sum.vector(wave: 0, lane).assign([-0.0]) }
      sum.takeIn(wave: 0, pool)
      #expect(total.array[0].sign == (startsAtZero ? .plus : .minus))
    }
  }
}

extension Float {
  fileprivate func power(_ exponent: Double) -> Float {
    var (result, whole) = (Float(1), Int(exponent))
    while whole > 0 { (result, whole) = (result * self, whole - 1) }
    return result
  }
}
