import Foundation
import Kernels
import Testing
import Transformer

/// Steps that several processes take together, here threads that stand for them.
@Suite struct SharedStepTests {
  /// What a thread sends the others: they meet at each call.
  private final class Meeting: @unchecked Sendable {
    let size: Int
    private let condition = NSCondition()
    private var arrived = 0, round = 0
    private var posted: [Int: [UInt8]] = [:], seen: [Int: [UInt8]] = [:]

    init(_ size: Int) { self.size = size }

    /// Everybody's bytes, in their order.
    func meet(_ rank: Int, _ bytes: [UInt8]) -> [[UInt8]] {
      condition.lock()
      defer { condition.unlock() }
      posted[rank] = bytes
      arrived += 1
      if arrived == size {
        (seen, posted, arrived, round) = (posted, [:], 0, round + 1)
        condition.broadcast()
      } else {
        let now = round
        while round == now { condition.wait() }
      }
      // Nobody posts the next round before all have left this one: each waits for all.
      return (0..<size).map { seen[$0] ?? [] }
    }
  }

  private struct Member: Collective {
    let meeting: Meeting
    let rank: Int
    var size: Int { meeting.size }

    func exchange(_ own: UnsafeRawPointer, bytes: Int, into all: UnsafeMutableRawPointer) {
      let sent = meeting.meet(rank, bytesOf(own, bytes * size))
      for (other, piece) in sent.enumerated() {
        piece[rank * bytes..<(rank + 1) * bytes].withUnsafeBytes {
          if let start = $0.baseAddress {
            (all + other * bytes).copyMemory(from: start, byteCount: bytes)
          }
        }
      }
    }

    func gather(_ own: UnsafeRawPointer, bytes: Int, into all: UnsafeMutableRawPointer) {
      for (other, piece) in meeting.meet(rank, bytesOf(own, bytes)).enumerated() {
        piece.withUnsafeBytes {
          if let start = $0.baseAddress {
            (all + other * bytes).copyMemory(from: start, byteCount: bytes)
          }
        }
      }
    }

    func broadcast(_ values: UnsafeMutableRawPointer, bytes: Int) {
      meeting.meet(rank, bytesOf(values, bytes))[0].withUnsafeBytes {
        if let start = $0.baseAddress { values.copyMemory(from: start, byteCount: bytes) }
      }
    }

    func maximum(_ value: Int32) -> Int32 {
      gathered([value]).map { $0[0] }.max() ?? value
    }

    private func bytesOf(_ start: UnsafeRawPointer, _ count: Int) -> [UInt8] {
      Array(UnsafeRawBufferPointer(start: start, count: count))
    }
  }

  private struct Result: Equatable {
    var weights: [UInt32] = []
    var losses: [Double] = []
    var evaluated = 0.0
  }

  /// Steps of `shards` shards; every process' result.
  private func train(shards: Int, ranks: Int, threads: Int, batch: Int = 30) throws -> [Result] {
    let model = try ModelConfiguration(
      input: .patches(width: 4), positionCount: 9, width: 8, headCount: 2, layerCount: 1,
      mlpWidth: 16, classCount: 3)
    let meeting = Meeting(ranks)
    let results = Results(ranks)
    let members = (0..<ranks).map { rank in
      let thread = Thread {
        let others: any Collective =
          ranks == 1 ? SingleProcess() : Member(meeting: meeting, rank: rank)
        let trainer = Trainer<Float>(
          model, OptimizerConfiguration(rate: 3e-3, warmup: 0.1, decay: 0.01, clip: 1),
          batch: batch, seed: 1, shards: shards, pool: WorkerPool(threadCount: threads),
          with: others)
        let source = ToySource<Float>(count: 120, size: 36, classes: 3, seed: 4)
        let order = Array(0..<120)
        var result = Result()
        for step in 0..<4 {
          // The last step is shorter than the others, as at the end of an epoch.
          let low = step * 30
          result.losses.append(
            trainer.step(order[low..<(step == 3 ? 101 : low + 30)], from: source, rate: 3e-3).loss)
        }
        result.weights = trainer.weights.array.map(\.bitPattern)
        result.evaluated = trainer.evaluate(Array(0..<50), from: source).loss
        results.set(rank, result)
      }
      thread.stackSize = 8 << 20
      return thread
    }
    for member in members { member.start() }
    return results.wait()
  }

  private final class Results: @unchecked Sendable {
    private let condition = NSCondition()
    private var values: [Result?]

    init(_ count: Int) { values = Array(repeating: nil, count: count) }

    func set(_ rank: Int, _ value: Result) {
      condition.lock()
      values[rank] = value
      condition.broadcast()
      condition.unlock()
    }

    func wait() -> [Result] {
      condition.lock()
      defer { condition.unlock() }
      while values.contains(nil) { condition.wait() }
      return values.compactMap { $0 }
    }
  }

  @Test(arguments: [1, 5, 8, 13, 40, 100])
  func `any number of processes comes to the bits of one`(shards: Int) throws {
    let alone = try train(shards: shards, ranks: 1, threads: 1)[0]
    #expect(alone.losses.count == 4 && alone.losses.allSatisfy(\.isFinite))
    for (ranks, threads) in [(1, 2), (1, 9), (2, 1), (3, 1), (4, 2), (8, 1), (11, 1)] {
      for result in try train(shards: shards, ranks: ranks, threads: threads) {
        #expect(result == alone, "\(ranks) processes of \(threads) threads")
      }
    }
  }

  @Test func `gradients over parts are the same for any number of processes`() throws {
    let alone = try train(shards: 20, ranks: 1, threads: 1, batch: 7)[0]
    for result in try train(shards: 20, ranks: 3, threads: 1, batch: 7) { #expect(result == alone) }
  }

  @Test func `the number of shards decides the bits`() throws {
    let eight = try train(shards: 8, ranks: 1, threads: 1)[0]
    let forty = try train(shards: 40, ranks: 1, threads: 1)[0]
    #expect(eight.weights != forty.weights)
    #expect(zip(eight.losses, forty.losses).allSatisfy { abs($0 - $1) < 1e-5 })
  }
}
