/// A figure that cannot be drawn or stored.
public struct FigureError: Error, Sendable, CustomStringConvertible {
  /// What, why, and what would do.
  public let message: String
  /// A failure.
  public init(message: String) { self.message = message }
  /// The message.
  public var description: String { message }
}
