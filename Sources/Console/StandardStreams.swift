import Foundation

/// The three files a process is given, which may be closed, full, or a pipe that nobody reads.
enum StandardStreams {
  /// Opens what is closed: else the first file that is opened would take the number of stdout, and results would be written
  /// into it. Opened the wrong way round, so that writing results still fails.
  static func prepare() {
    for (number, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY),
    ] where fcntl(number, F_GETFD) == -1 && errno == EBADF {
      // The lowest free number is this one, since those below are open by now.
      _ = open("/dev/null", mode)
    }
  }

  /// Writes all bytes to `stream`; returns the error number of the first that could not be written, or 0.
  static func write(_ bytes: [UInt8], to stream: Int32) -> Int32 {
    var rest = ArraySlice(bytes)
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(stream, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
        continue
      }
      let number = count < 0 ? errno : ENOSPC
      switch number {
      case EINTR: continue
      case EAGAIN:
        // Somebody made the pipe non-blocking; wait until there is room.
        var item = pollfd(fd: stream, events: Int16(POLLOUT), revents: 0)
        _ = poll(&item, 1, 1000)
      default: return number
      }
    }
    return 0
  }

  private static let failed = FirstFailure()

  /// Remembers that results were lost.
  static func noteOutput(_ failure: Int32) { failed.note(failure) }

  /// What became of stdout: 0, or the error number of the first failure. Some file systems tell only on closing.
  static func closeOutput() -> Int32 {
    if failed.number == 0, close(STDOUT_FILENO) != 0 { failed.note(errno) }
    return failed.number
  }

  private final class FirstFailure: @unchecked Sendable {
    private let lock = NSLock()
    private var first: Int32 = 0
    var number: Int32 { lock.withLock { first } }
    func note(_ number: Int32) { lock.withLock { if first == 0 { first = number } } }
  }
}
