import Kernels
import Testing

@Suite struct WorkerPoolTests {
  @Test(arguments: [1, 2, 3, 7])
  func `every item is done once, whatever the number of threads`(threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    for round in 0..<200 {
      var counts = [Int](repeating: 0, count: 53)
      counts.withUnsafeMutableBufferPointer { counts in
        pool.forEach(53) { item, worker in
          precondition(worker < threads)
          counts[item] += 1
        }
      }
      #expect(counts == [Int](repeating: 1, count: 53), "round \(round)")
    }
  }
}
