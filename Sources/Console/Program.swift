import ArgumentParser
import Foundation

/// Runs a program's command line with the exit statuses people script against: 0 done, 1 failed, 2 bad usage.
public enum Program {
  /// Parses the arguments, runs the command, prints a failure as one line on stderr, and exits.
  public static func main<Root: ParsableCommand>(_ root: Root.Type) -> Never {
    signal(SIGPIPE, SIG_IGN)
    Interruption.watch()
    do {
      var command = try Root.parseAsRoot()
      try command.run()
      exit(0)
    } catch {
      leave(Root.self, error)
    }
  }

  private static func leave<Root: ParsableCommand>(_ root: Root.Type, _ error: any Error) -> Never {
    let name = Root.configuration.commandName ?? "isotherm"
    switch root.exitCode(for: error) {
    case .success:
      Console.write(root.fullMessage(for: error) + "\n", to: .output)
      exit(0)
    case .validationFailure:
      Console.write(root.fullMessage(for: error) + "\n", to: .narration)
      exit(2)
    default:
      if let failed = error as? ExitCode { exit(failed.rawValue) }
      Console.write("\(name): \(Console.message(for: error))\n", to: .narration)
      if let interrupted = error as? Interrupted { exit(128 + interrupted.signal) }
      exit(error is UsageError ? 2 : 1)
    }
  }
}

/// A mistake in what the user asked for, found after the arguments were parsed: exit status 2.
public struct UsageError: Error, Sendable, CustomStringConvertible {
  /// Place, what is wrong, what is allowed.
  public let message: String
  /// A mistake.
  public init(_ message: String) { self.message = message }
  /// The message.
  public var description: String { message }
}

/// Where programs print.
public enum Console {
  /// Where a text goes.
  public enum Stream: Int32, Sendable {
    /// stdout, for results.
    case output = 1
    /// stderr, for everything else.
    case narration = 2
  }

  /// Writes text, unbuffered; a closed pipe is not an error.
  public static func write(_ text: String, to stream: Stream) {
    var rest = ArraySlice(Array(text.utf8))
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.write(stream.rawValue, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Prints one line of narration on stderr.
  public static func note(_ text: String) { write(text + "\n", to: .narration) }

  /// Prints results on stdout.
  public static func output(_ text: String) { write(text + "\n", to: .output) }

  /// Prints a value as one JSON document on stdout.
  public static func output<Value: Encodable>(json value: Value) throws {
    output(try encode(value, pretty: true))
  }

  /// A value as JSON with sorted keys; numbers that JSON lacks become text.
  public static func encode<Value: Encodable>(_ value: Value, pretty: Bool = false) throws
    -> String
  {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      pretty
      ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      : [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// One line that says what went wrong.
  public static func message(for error: any Error) -> String {
    String(describing: error).replacingOccurrences(of: "\n", with: " ")
  }

  /// Whether stderr is a terminal.
  public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
