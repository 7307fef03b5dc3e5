import Foundation

/// Ctrl-C and termination, turned into a question that long loops ask between two steps.
public enum Interruption {
  /// Written by the signal handler alone; a plain store is all that is allowed there.
  nonisolated(unsafe) private static var received: Int32 = 0

  /// From now on SIGINT and SIGTERM are remembered; a second one ends the process at once.
  public static func watch() {
    // A parent that starts us from a thread with blocked signals would hand the block down.
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM] {
      sigaddset(&set, number)
      signal(number) { number in
        Interruption.received = number
        signal(number, SIG_DFL)
      }
    }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  /// Throws when an interrupt came, after `prepare` has brought things into order.
  public static func check(_ advice: @autoclosure () -> String, prepare: () throws -> Void) throws {
    let number = received
    guard number != 0 else { return }
    try prepare()
    throw Interrupted(signal: number, advice: advice())
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
}
