import Foundation

/// State that only one serial queue touches.
///
/// The closures given to ``async(_:)`` and ``sync(_:)`` are the only way to it, and they can carry nothing in or out that is not
/// `Sendable`: the compiler checks for its users what `@unchecked` promises here once. An actor was rejected, because appending,
/// committing and sealing are synchronous and must wait for one another without a task.
final class Confined<State>: @unchecked Sendable {
  private let queue: DispatchQueue
  private var state: State

  /// Takes the state over; nobody else may keep a reference into it.
  init(_ label: String, _ state: sending State) {
    (queue, self.state) = (DispatchQueue(label: label), state)
  }

  /// Runs `body` after everything that was given before, and returns at once.
  func async(_ body: @escaping @Sendable (inout State) -> Void) {
    queue.async { [self] in body(&state) }
  }

  /// Waits for everything that was given before, then runs `body`. Must not be called from within.
  func sync<Value: Sendable>(
    _ body: @Sendable (inout State) throws -> Value
  ) rethrows -> Value {
    try queue.sync { try body(&state) }
  }
}
