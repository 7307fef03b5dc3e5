import Arrays
import Foundation

/// Ctrl-C and termination.
///
/// A command that has nothing to put in order ends at once, wherever it is, after what is ``Arrays/Unfinished`` was undone. One
/// that runs ``during(_:grace:_:)`` is asked first, by ``check(_:prepare:)`` between two steps, and ends by itself.
public enum Interruption {
  /// Rung by the signal handler: `sem_post` is one of the few calls allowed there.
  nonisolated(unsafe) private static let bell: UnsafeMutablePointer<sem_t> = {
    let bell = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    sem_init(bell, 0, 0)
    return bell
  }()
  private static let orders = Orders()

  /// From now on SIGINT, SIGTERM, SIGHUP and SIGUSR1, which launchers of clusters send before a time limit, end the program `name` in good order; a second one ends the process as it is. A SIGHUP
  /// that the parent ignores, as `nohup` does, stays ignored.
  static func watch(_ name: String) {
    // Made here, not in the handler.
    _ = bell
    StopRequest.post(0)
    let thread = Thread {
      while sem_wait(bell) != 0 {}
      end(name)
    }
    thread.start()
    // A parent that starts us from a thread with blocked signals would hand the block down.
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] where number != SIGHUP || !isIgnored(SIGHUP) {
      sigaddset(&set, number)
      signal(number) { number in
        StopRequest.post(number)
        signal(number, SIG_DFL)
        sem_post(Interruption.bell)
      }
    }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    // Compared as numbers: a handler is a function, and has no equality.
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Runs a job that asks ``check(_:prepare:)`` and keeps what it has done; when it has not ended `grace` seconds after a
  /// signal, because one step takes longer, the process ends all the same and says `advice`.
  public static func during<Result>(
    _ advice: String, grace: Double = 1, _ body: () throws -> Result
  ) rethrows -> Result {
    orders.push(advice, grace)
    // After a signal the job has its own last word, or has ended in time: the order stays.
    defer { if StopRequest.signal == 0 { orders.pop() } }
    return try body()
  }

  /// Throws when an interrupt came, after `prepare` has brought things into order.
  public static func check(_ advice: @autoclosure () -> String, prepare: () throws -> Void) throws {
    let number = StopRequest.signal
    guard number != 0 else { return }
    try prepare()
    throw Interrupted(signal: number, advice: advice())
  }

  /// Seconds that whoever ends us leaves for a commit: a cluster that gives notice says so in ISOTHERM_GRACE, and its SIGUSR1 comes
  /// minutes before the end.
  private static var notice: Double {
    let said = ProcessInfo.processInfo.environment["ISOTHERM_GRACE"].flatMap { Double($0) } ?? 0
    return StopRequest.signal == SIGUSR1 ? max(said, 100) : said
  }

  private static func end(_ name: String) {
    // A job that winds up by itself exits meanwhile.
    let began = Date()
    while let order = orders.last,
      Date().timeIntervalSince(began) < max(order.grace, notice)
    { usleep(10_000) }
    let advice = orders.last?.advice
    Unfinished.undoAll()
    if Console.isTerminal { Console.write("\r\u{1B}[2K", to: .narration) }
    let stopped = Stopped(signal: StopRequest.signal)
    Console.note("\(name): \(advice.map { "interrupted; \($0)" } ?? stopped.description)")
    _exit(128 + stopped.signal)
  }

  private final class Orders: @unchecked Sendable {
    private let lock = NSLock()
    private var stack: [(advice: String, grace: Double)] = []

    func push(_ advice: String, _ grace: Double) { lock.withLock { stack.append((advice, grace)) } }
    func pop() { lock.withLock { _ = stack.popLast() } }
    var last: (advice: String, grace: Double)? { lock.withLock { stack.last } }
  }
}

/// A job that was interrupted in good order: exit status 128 + signal.
public struct Interrupted: Error, Sendable, CustomStringConvertible {
  /// The signal's number.
  public let signal: Int32
  /// What is safe, and how to go on.
  public let advice: String
  /// The advice.
  public var description: String { "interrupted; " + advice }

  /// Interrupted by `signal`.
  public init(signal: Int32, advice: String) { (self.signal, self.advice) = (signal, advice) }
}
