/// A problem that cannot be integrated as it is stated.
public struct ProblemError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, and what would do.
  public let message: String
  /// A problem.
  public init(_ message: String) { self.message = message }
  /// The message.
  public var description: String { message }
}
