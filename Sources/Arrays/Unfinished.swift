import Foundation

/// A piece of work that must be undone when the process ends before it: a temporary file to remove, a program to stop.
///
/// Threads cannot be unwound from outside, and a library may be busy for minutes in one call. So what has been begun says
/// beforehand how it is undone, and a process that is asked to end does that and goes.
public final class Unfinished: Sendable {
  private let number: Int
  private static let book = Book()

  /// Until ``done()`` or the object's end, `undo` runs when the process is asked to end. It may run on any thread, at any
  /// moment of the work, and must not take locks that the work holds.
  public init(_ undo: @escaping @Sendable () -> Void) { number = Self.book.add(undo) }

  /// The work has ended, well or not: there is nothing to undo.
  public func done() { Self.book.remove(number) }

  /// Ends the work with `body`, a rename for example; the process does not end in the middle of it.
  public func done<Result>(by body: () throws -> Result) rethrows -> Result {
    try Self.book.remove(number, by: body)
  }

  deinit { Self.book.remove(number) }

  /// Undoes everything, the youngest first, and lets nothing be finished any more: for a process about to end.
  public static func undoAll() { book.undoAll() }

  private final class Book: @unchecked Sendable {
    private let lock = NSRecursiveLock()
    private var next = 0
    private var entries: [Int: @Sendable () -> Void] = [:]

    func add(_ undo: @escaping @Sendable () -> Void) -> Int {
      lock.withLock {
        next += 1
        entries[next] = undo
        return next
      }
    }

    func remove(_ number: Int) { lock.withLock { entries[number] = nil } }

    func remove<Result>(_ number: Int, by body: () throws -> Result) rethrows -> Result {
      lock.lock()
      defer { lock.unlock() }
      let result = try body()
      entries[number] = nil
      return result
    }

    func undoAll() {
      // Never unlocked: a rename that waits here must not happen any more.
      lock.lock()
      for (_, undo) in entries.sorted(by: { $0.key > $1.key }) { undo() }
    }
  }
}
