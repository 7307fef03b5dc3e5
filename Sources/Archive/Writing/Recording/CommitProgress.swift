import Synchronization

/// What the thread that appends and the queues that write tell each other.
final class CommitProgress: Sendable {
  private struct State {
    var byteCount = 0
    var commitCount = 0
    var isStopping = false
    var failure: (any Error)?
  }

  private let state = Mutex(State())

  /// What went wrong first in the background.
  var failure: (any Error)? { state.withLock { $0.failure } }

  /// Bytes of rows that were appended and are not committed yet, before filtering.
  var byteCount: Int { state.withLock { $0.byteCount } }

  /// Commits on their way.
  var commitCount: Int { state.withLock { $0.commitCount } }

  /// Whether a commit is on its way.
  var isCommitting: Bool { state.withLock { $0.commitCount > 0 } }

  /// Whether memory in use will be given back without further rows: a commit is on its way, and nothing failed.
  var willFreeMemory: Bool { state.withLock { $0.commitCount > 0 && $0.failure == nil } }

  /// Whether no further merge is worth beginning or ending.
  var isStopping: Bool { state.withLock { $0.isStopping || $0.failure != nil } }

  /// Counts appended bytes.
  func append(_ byteCount: Int) { state.withLock { $0.byteCount += byteCount } }

  /// A commit is on its way.
  func beginCommit() { state.withLock { $0.commitCount += 1 } }

  /// A commit has ended, and its bytes with it.
  func endCommit(byteCount: Int) {
    state.withLock {
      $0.byteCount -= byteCount
      $0.commitCount -= 1
    }
  }

  /// Keeps the first failure.
  func fail(_ error: any Error) { state.withLock { if $0.failure == nil { $0.failure = error } } }

  /// The run is about to be sealed or given up.
  func stop() { state.withLock { $0.isStopping = true } }

  /// - Throws: what went wrong in the background.
  func check() throws { if let failure { throw failure } }
}
