/// A run archive that cannot be written or read as asked.
public struct ArchiveError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure; scripts and tests match on it.
  public enum Code: String, Sendable {
    /// An output is there already.
    case exists
    /// The output's folder is missing or not writable.
    case refused
    /// The file is not of our layout, or of another kind than asked for.
    case layout
    /// An operating-system call failed.
    case system
  }

  /// The kind of failure.
  public let code: Code
  /// Action, object, reason and remedy in one sentence.
  public let message: String

  /// A failure.
  public init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }

  /// The message.
  public var description: String { message }
}
