import Synchronization

/// The question whether somebody asked this process to end, for loops of any library. Console turns signals into it.
///
/// A command that has nothing to put in order need not ask: Console ends it at once, after ``Unfinished`` has been undone.
public enum StopRequest {
  private static let received = Atomic<Int32>(0)

  /// The signal that came; 0 while none has.
  public static var signal: Int32 { received.load(ordering: .relaxed) }

  /// Takes note of a signal. A plain store: safe in a signal handler.
  public static func post(_ signal: Int32) { received.store(signal, ordering: .relaxed) }

  /// Throws ``Stopped`` when a signal came. Cheap enough for every step of a loop.
  public static func check() throws {
    let number = signal
    if number != 0 { throw Stopped(signal: number) }
  }
}

/// Work that was given up because the process was asked to end: exit status 128 + signal.
public struct Stopped: Error, Sendable, CustomStringConvertible {
  /// The signal's number.
  public let signal: Int32

  /// Given up because of `signal`.
  public init(signal: Int32) { self.signal = signal }

  /// What is left.
  public var description: String { "interrupted; nothing half-written is left" }
}
