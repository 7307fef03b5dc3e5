import Foundation

/// Where programs print.
public enum Console {
  /// Where a text goes.
  public enum Stream: Int32, Sendable {
    /// stdout, for results.
    case output = 1
    /// stderr, for everything else.
    case narration = 2
  }

  /// Writes text, unbuffered. What stdout does not take is remembered and makes the program fail at its end, see
  /// ``Program/main(_:)``; a failure of stderr is nothing one could tell anybody.
  public static func write(_ text: String, to stream: Stream) {
    let failure = StandardStreams.write(Array(text.utf8), to: stream.rawValue)
    if failure != 0, stream == .output { StandardStreams.noteOutput(failure) }
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

  /// One line that says what went wrong. Control characters of names and values that stand in it are written as `\\u{1B}`, and
  /// what is longer than a screen is cut.
  public static func message(for error: any Error) -> String {
    let text = String(describing: error)
    var line = ""
    for scalar in text.unicodeScalars.prefix(4096) {
      switch scalar {
      case "\n", "\r", "\t", "\u{2028}", "\u{2029}": line += " "
      case _ where scalar.properties.generalCategory == .control:
        line += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line + (text.unicodeScalars.count > 4096 ? " …" : "")
  }

  /// Whether stderr is a terminal.
  public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
