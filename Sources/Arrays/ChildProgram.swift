import Foundation

/// A program that this one starts, and that does not outlive it.
///
/// Its stdin is a pipe that nobody writes to. However this process ends, by SIGKILL too, the system closes the other end, and a program
/// of ours sees the end of its input and ends in good order (`Leash` of Console). `prctl(PR_SET_PDEATHSIG)` was rejected: it goes by the
/// thread that started the program. Foundation's `Process` was rejected: it fails where a process may open fewer than 256 files.
public final class ChildProgram: @unchecked Sendable {
  /// How a program ended.
  public enum Ending: Sendable, Equatable {
    /// By itself, with this status.
    case status(Int32)
    /// By this signal.
    case signal(Int32)
  }

  /// The variable that tells a program of ours to watch its input.
  public static let variable = "ISOTHERM_ON_LEASH"

  /// Its process id.
  public let number: pid_t
  private let leash: Int32
  private let lock = NSLock()
  private var ended: Ending?

  /// Starts the program at `path`; what it prints goes to the files `output` and `errors`, which stay open here. Where it is not
  /// `watching`, a program of ours does not end with this one: it may hand jobs to somebody who outlives us, with our environment.
  /// - Throws: ``ChildError`` when it cannot be started.
  public init(
    _ path: String, _ arguments: [String], output: Int32, errors: Int32, watching: Bool = true
  ) throws {
    guard let ends = Self.pipe() else { throw ChildError(path, errno) }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (place, file) in [ends[0], output, errors].enumerated() {
      posix_spawn_file_actions_adddup2(&actions, file, Int32(place))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // What this process has blocked or ignores is its own affair.
    var (none, broken) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&broken)
    sigaddset(&broken, SIGPIPE)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &broken)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    var variables = ProcessInfo.processInfo.environment
    variables[Self.variable] = watching ? "1" : nil
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    var environment = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + environment { free(text) } }
    var child = pid_t()
    let failure = posix_spawn(&child, path, &actions, &attributes, &words, &environment)
    guard failure == 0 else {
      close(ends[1])
      throw ChildError(path, failure)
    }
    (number, leash) = (child, ends[1])
  }

  deinit { close(leash) }

  /// A pipe that no other program inherits, which would hold it open; nil when too many files are.
  private static func pipe() -> [Int32]? {
    var ends: [Int32] = [-1, -1]
    guard Foundation.pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return ends
  }

  /// How it ended; nil while it runs.
  public var ending: Ending? { reap(WNOHANG) }

  /// Waits for its end.
  public func wait() -> Ending {
    while true {
      if let ending = reap(WNOHANG) { return ending }
      usleep(5000)
    }
  }

  /// Sends it a signal while it runs.
  public func send(_ signal: Int32) {
    lock.withLock { if ended == nil { _ = kill(number, signal) } }
  }

  private func reap(_ options: Int32) -> Ending? {
    lock.withLock {
      if let ended { return ended }
      var status: Int32 = 0
      let found = waitpid(number, &status, options)
      // Somebody else has waited for it: nothing is known of it but that it is gone.
      if found < 0, errno == ECHILD { ended = .status(255) }
      guard found == number else { return ended }
      let signal = status & 0x7F
      ended = signal == 0 ? .status((status >> 8) & 0xFF) : .signal(signal)
      return ended
    }
  }

  /// What a program printed, and how it ended.
  public struct Printed: Sendable {
    /// On stdout and on stderr.
    public var output: Data, errors: Data
    /// How it ended.
    public var ending: Ending
  }

  /// Runs a program to its end; a process that is asked to end meanwhile sends it `signal`.
  /// - Throws: ``ChildError`` when it cannot be started.
  public static func run(
    _ path: String, _ arguments: [String], stoppedBy signal: Int32 = SIGTERM, watching: Bool = true
  ) throws -> Printed {
    var pipes: [[Int32]] = []
    defer { for end in pipes.joined() where end >= 0 { close(end) } }
    for _ in 0..<2 {
      guard let ends = Self.pipe() else { throw ChildError(path, errno) }
      pipes.append(ends)
    }
    let child = try ChildProgram(
      path, arguments, output: pipes[0][1], errors: pipes[1][1], watching: watching)
    let unfinished = Unfinished { child.send(signal) }
    defer { unfinished.done() }
    var printed = [Data(), Data()]
    for index in 0..<2 {
      close(pipes[index][1])
      pipes[index][1] = -1
    }
    // Both at once: a program that fills one pipe while the other is read would wait for ever.
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while pipes.contains(where: { $0[0] >= 0 }) {
      var waiting = pipes.map { pollfd(fd: $0[0], events: Int16(POLLIN), revents: 0) }
      guard poll(&waiting, 2, -1) > 0 else { continue }
      for index in 0..<2 where waiting[index].revents != 0 {
        let count = read(pipes[index][0], &buffer, buffer.count)
        if count > 0 {
          printed[index].append(contentsOf: buffer[..<count])
        } else if count == 0 || errno != EINTR {
          close(pipes[index][0])
          pipes[index][0] = -1
        }
      }
    }
    return Printed(output: printed[0], errors: printed[1], ending: child.wait())
  }
}

/// A program that could not be started.
public struct ChildError: Error, CustomStringConvertible {
  private let path: String, number: Int32

  init(_ path: String, _ number: Int32) { (self.path, self.number) = (path, number) }

  /// Which, and why.
  public var description: String {
    "cannot start \(path): \(String(cString: strerror(number))); is it there, may it be run, and may more programs and files be open?"
  }
}
