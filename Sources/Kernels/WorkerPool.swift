import COpenBLAS
import Foundation

/// What a loop over items does; see ``WorkerPool/run(_:_:)``.
public protocol LoopBody {
  /// Deals with one item, on one worker.
  func run(_ item: Int, worker: Int)
}

/// A fixed set of threads that share the items of a loop.
///
/// Results must not depend on which thread takes which item: callers give every item its own output and add
/// outputs in the items' order. The calling thread works too, so a pool of one starts no thread. The threads end with
/// the pool.
public final class WorkerPool: @unchecked Sendable {
  /// Number of threads, the caller's included.
  public let threadCount: Int
  private let desk = Desk()

  /// A pool of `threadCount` threads; at least 1. OpenBLAS is told to stay on the calling thread.
  public init(threadCount: Int) {
    requireOfCaller(threadCount >= 1, "a pool has at least one thread")
    self.threadCount = threadCount
    openblas_set_num_threads(1)
    for worker in 1..<max(threadCount, 1) {
      // The thread holds the desk, not the pool, so that the pool can go while the thread still waits.
      let thread = Thread { [desk] in desk.serve(worker) }
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  deinit { desk.close() }

  /// Calls `body(item, worker)` once for each item in `0..<count`; `worker` is in `0..<threadCount`, and no two
  /// calls with the same worker overlap. Returns when all have returned. Not to be called from within `body`.
  public func forEach(_ count: Int, _ body: (_ item: Int, _ worker: Int) -> Void) {
    withoutActuallyEscaping(body) { run(count, ClosureBody(body: $0)) }
  }

  /// As ``forEach(_:_:)``, without the allocation that a closure costs: for loops inside a training step.
  public func run<Body: LoopBody>(_ count: Int, _ body: Body) {
    if threadCount == 1 || count < 2 {
      for item in 0..<count { body.run(item, worker: 0) }
      return
    }
    withUnsafePointer(to: body) { body in
      desk.open(count, threadCount, LoopPointer(body: body))
      desk.work(0)
      desk.wait()
    }
  }
}

/// A body by its place: one word, which an existential holds without allocating.
private struct LoopPointer<Body: LoopBody>: LoopBody {
  let body: UnsafePointer<Body>

  func run(_ item: Int, worker: Int) { body.pointee.run(item, worker: worker) }
}

private struct ClosureBody: LoopBody {
  let body: (Int, Int) -> Void

  func run(_ item: Int, worker: Int) { body(item, worker) }
}

/// Where threads fetch the items of the loop that is running.
private final class Desk: @unchecked Sendable {
  private let condition = NSCondition()
  private var body: (any LoopBody)?
  private var next = 0
  private var count = 0
  private var running = 0
  private var generation = 0
  private var closed = false

  func open(_ count: Int, _ threads: Int, _ body: any LoopBody) {
    condition.lock()
    self.body = body
    self.count = count
    next = 0
    running = threads
    generation += 1
    condition.broadcast()
    condition.unlock()
  }

  func wait() {
    condition.lock()
    while running > 0 { condition.wait() }
    body = nil
    condition.unlock()
  }

  func close() {
    condition.lock()
    closed = true
    condition.broadcast()
    condition.unlock()
  }

  func serve(_ worker: Int) {
    var seen = 0
    while true {
      condition.lock()
      while generation == seen && !closed { condition.wait() }
      seen = generation
      let done = closed
      condition.unlock()
      if done { return }
      work(worker)
    }
  }

  func work(_ worker: Int) {
    while true {
      condition.lock()
      let item = next
      guard item < count, let body else {
        running -= 1
        if running == 0 { condition.broadcast() }
        condition.unlock()
        return
      }
      next += 1
      condition.unlock()
      body.run(item, worker: worker)
    }
  }
}
