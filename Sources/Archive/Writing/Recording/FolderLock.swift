import Arrays
import Foundation
import Synchronization

/// Holds a run's folder for one writer.
///
/// Two ways, used together. An advisory lock of the system (`flock`) is given back when the process ends, however it ends; some file
/// systems of clusters have none (ENOSYS, ENOLCK), and on others it excludes nobody on another machine. So the lock file also names its
/// holder (``LockHolder``), who counts up in it every few seconds: a lease. A holder that cannot be seen from here and counts is left
/// alone; one that has stopped counting has lost the folder. A holder asks ``check()`` before each rename, and stops when another has
/// taken over, so that of two writers one goes on. What does not hold: between that question and the rename, some microseconds, another
/// machine may take over.
package final class FolderLock: Sendable {
  /// How leases are kept.
  package struct Terms: Sendable {
    /// Seconds between two beats; seconds without one after which a lease has run out; seconds until it is certain that nobody else
    /// has taken a lease at the same moment.
    package var interval = 5.0, patience = 20.0, settling = 1.0
    /// The system's lock: 0, or an error number.
    package var lock: @Sendable (Int32) -> Int32 = { flock($0, LOCK_EX | LOCK_NB) == 0 ? 0 : errno }

    /// The usual terms.
    package init() {}
  }

  private struct State {
    var descriptor: Int32
    var holder: LockHolder
    /// Whether the file names us: not where it could not be written and the system's lock is held.
    var isNamed = false
  }

  private let folder: String
  private let state: Mutex<State>
  private let bell = NSCondition()

  private static func path(_ folder: String) -> String { folder + "/.lock" }

  /// Takes the lock of `folder`. Waits up to ``Terms/patience`` where a process of another machine held it and may still live.
  /// - Throws: ``ArchiveError`` when another process holds it; ``Arrays/Stopped``.
  package init(
    _ folder: String, as holder: LockHolder = .current, _ terms: Terms = Terms()
  ) throws {
    let descriptor = open(Self.path(folder), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw ArchiveError(
        .refused, "cannot write in \(folder): \(String(cString: strerror(errno)))")
    }
    self.folder = folder
    state = Mutex(State(descriptor: descriptor, holder: holder))
    do {
      try take(descriptor, holder, terms)
    } catch {
      // Not ours: closed, and left as it is.
      state.withLock { $0.descriptor = -1 }
      close(descriptor)
      throw error
    }
    startBeating(terms.interval)
  }

  deinit { release() }

  private func take(_ descriptor: Int32, _ own: LockHolder, _ terms: Terms) throws {
    var number = terms.lock(descriptor)
    while number == EINTR { number = terms.lock(descriptor) }
    let other = Self.read(folder)
    guard number != EWOULDBLOCK else { throw Self.refusal(folder, other) }
    // Whatever else went wrong says nothing of another writer: the file system has no locks, or its server does not answer.
    let isLocked = number == 0
    var hasWaited = false
    if let other {
      // The system's lock reaches every process of this kernel.
      let isAlive = isLocked && other.boot == own.boot ? false : other.isAlive(seenBy: own)
      if isAlive == true { throw Self.refusal(folder, other) }
      if isAlive == nil {
        try Self.watch(folder, other, terms)
        hasWaited = true
      }
    }
    guard write(descriptor, own) else {
      guard !isLocked else { return }
      throw ArchiveError(
        .refused,
        "cannot write \(Self.path(folder)): \(String(cString: strerror(errno))); the file system has no locks either, so that "
          + "nobody would know of this writer")
    }
    state.withLock { $0.isNamed = true }
    guard !isLocked || hasWaited else { return }
    usleep(UInt32(terms.settling * 1e6))
    let now = Self.read(folder)
    guard now?.token == own.token else { throw Self.refusal(folder, now) }
  }

  /// Returns when `holder` has stopped counting.
  /// - Throws: ``ArchiveError`` when it counts.
  private static func watch(_ folder: String, _ holder: LockHolder, _ terms: Terms) throws {
    let began = ContinuousClock.now
    while (ContinuousClock.now - began) / .seconds(1) < terms.patience {
      try StopRequest.check()
      usleep(UInt32(min(250_000, terms.patience * 1e5)))
      let now = read(folder)
      // Empty: given back. Otherwise: it lives, or another was faster.
      guard let now else { return }
      guard now == holder else { throw refusal(folder, now) }
    }
  }

  private static func refusal(_ folder: String, _ holder: LockHolder?) -> ArchiveError {
    ArchiveError(
      .refused,
      "\(folder) is being written by another process\(holder.map { " (\($0.words))" } ?? ""); wait until it has ended, or "
        + "choose another name")
  }

  /// Who the lock file names; nil for nobody.
  package static func read(_ folder: String) -> LockHolder? {
    // Opened anew each time: network file systems look at the server then.
    let descriptor = open(path(folder), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return count > 0 ? LockHolder(String(decoding: bytes[..<count], as: UTF8.self)) : nil
  }

  private func write(_ descriptor: Int32, _ holder: LockHolder) -> Bool {
    let bytes = Array(holder.text.utf8)
    guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count,
      ftruncate(descriptor, off_t(bytes.count)) == 0
    else { return false }
    // Others read it from the server.
    return fsync(descriptor) == 0
  }

  // MARK: - Holding

  /// To be asked before a file of the run gets its name.
  /// - Throws: ``ArchiveError`` when another process has taken over.
  package func check() throws {
    let (token, isNamed) = state.withLock { ($0.holder.token, $0.isNamed && $0.descriptor >= 0) }
    // A file that somebody removed is no other writer.
    guard isNamed, let now = Self.read(folder), now.token != token else { return }
    throw ArchiveError(
      .refused,
      "\(folder) was taken over by another process (\(now.words)), which found this one silent; this one stops, and what it "
        + "acknowledged before is kept")
  }

  /// Whether nobody has taken over.
  var isHeld: Bool { (try? check()) != nil }

  /// A few letters that name this holder's temporary files: two writers must not write into one.
  var mark: String { String(state.withLock { $0.holder.token.prefix(8) }) }

  /// Gives the folder back; later calls do nothing.
  package func release() {
    let (descriptor, isNamed, token) = state.withLock { state in
      defer { state.descriptor = -1 }
      return (state.descriptor, state.isNamed, state.holder.token)
    }
    bell.lock()
    bell.broadcast()
    bell.unlock()
    guard descriptor >= 0 else { return }
    // The next need not wait for a beat; another's name stays.
    if isNamed, Self.read(folder)?.token == token { _ = ftruncate(descriptor, 0) }
    close(descriptor)
  }

  private func startBeating(_ interval: Double) {
    let thread = Thread { [weak self, bell] in
      while true {
        bell.lock()
        _ = bell.wait(until: Date(timeIntervalSinceNow: interval))
        bell.unlock()
        guard let self, self.beat() else { return }
      }
    }
    thread.stackSize = 1 << 18
    thread.start()
  }

  /// Counts up; false when there is nothing more to count for.
  private func beat() -> Bool {
    state.withLock { state in
      guard state.descriptor >= 0 else { return false }
      guard state.isNamed else { return true }
      // A holder that was silent for too long does not take the folder back.
      guard Self.read(folder)?.token == state.holder.token else { return true }
      state.holder.beat += 1
      _ = write(state.descriptor, state.holder)
      return true
    }
  }
}
