import Kernels
import Testing

@Suite struct PhiloxTests {
  @Test func `blocks equal the published known answers`() {
    // Random123 1.14, kat_vectors, philox4x32 10.
    #expect(
      Philox.block(counter: SIMD4(0, 0, 0, 0), key: SIMD2(0, 0))
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox.block(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox.block(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func `streams of one seed differ and repeat`() {
    var a = Philox(seed: 3, purpose: .shuffling, index: 0)
    var again = Philox(seed: 3, purpose: .shuffling, index: 0)
    var b = Philox(seed: 3, purpose: .shuffling, index: 1)
    let first = (0..<100).map { _ in a.next() }
    #expect(first == (0..<100).map { _ in again.next() })
    #expect(first != (0..<100).map { _ in b.next() })
  }

  @Test func `normal numbers have mean 0 and variance 1`() {
    var random = Philox(seed: 1, stream: 5)
    let values = (0..<20_000).map { _ in random.normal() }
    let mean = values.reduce(0, +) / 20_000
    let variance = values.reduce(0) { $0 + $1 * $1 } / 20_000
    #expect(abs(mean) < 0.03)
    #expect(abs(variance - 1) < 0.04)
  }

  @Test func `permutations hold every index once`() {
    var random = Philox(seed: 1, stream: 6)
    #expect(random.permutation(1000).sorted() == Array(0..<1000))
  }

  @Test func `a dropout mask keeps its share, and is the same element by element`() {
    let mask = DropoutMask(share: 0.3, seed: 5, index: 9)
    let count = 100_003
    let x = Buffer<Float>(count)
    for i in 0..<count { x.start[i] = 1 }
    mask.apply(x.start, count: count)
    let kept = x.array.count { $0 != 0 }
    #expect(abs(Double(kept) / Double(count) - 0.7) < 0.005)
    #expect(x.array.allSatisfy { $0 == 0 || abs($0 - 1 / 0.7) < 1e-4 })
    for i in [0, 1, 63, 64, 1000, count - 1] { #expect(x.start[i] == mask.factor(i)) }
    let other = DropoutMask(share: 0.3, seed: 5, index: 10)
    let same = (0..<1000).count { mask.factor($0) == other.factor($0) }
    #expect(abs(same - 580) < 80)
  }

  @Test func `eight blocks at once are the eight blocks`() {
    var random = Philox(seed: 0x1234_5678_9ABC, stream: 0x5_0000_0007, counter: 0xFFFF_FFFE)
    let eight = Philox.eightBlocks(
      counter: 0xFFFF_FFFE, stream: 0x5_0000_0007, seed: 0x1234_5678_9ABC)
    for lane in 0..<8 {
      for vector in [eight.0, eight.1, eight.2, eight.3] {
        #expect(random.next32() == vector[lane])
      }
    }
  }
}
