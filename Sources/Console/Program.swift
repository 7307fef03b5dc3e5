import ArgumentParser
import Arrays
import Foundation

/// Runs a program's command line with the exit statuses people script against: 0 done, 1 failed, 2 bad usage, 128 + signal.
public enum Program {
  /// Parses the arguments, runs the command, prints a failure as one line on stderr, and exits.
  ///
  /// Results that could not be written to stdout are a failure, status 1. A reader that has gone away (`| head`) ends the
  /// program as it ends the system's own: quietly, by SIGPIPE, 141 in a shell.
  ///
  /// `--version` alone prints `version`. A first argument that is no subcommand is given to `alone`, for programs that make something of a file alone; what it does not take
  /// (false) is refused with the nearest subcommand.
  public static func main<Root: ParsableCommand>(
    _ root: Root.Type, version: @autoclosure () -> String,
    alone: (_ file: String, _ arguments: [String]) throws -> Bool = { _, _ in false }
  ) -> Never {
    let name = root.configuration.commandName ?? "isotherm"
    StandardStreams.prepare()
    signal(SIGPIPE, SIG_IGN)
    Interruption.watch(name)
    Leash.watch()
    do {
      try checkArguments()
      if CommandLine.arguments.dropFirst() == ["--version"] {
        Console.output(version())
        leave(name, 0)
      }
      try checkSubcommand(root, name, alone)
      var command = try Root.parseAsRoot()
      try command.run()
      leave(name, 0)
    } catch {
      leave(Root.self, name, error)
    }
  }

  /// Refuses arguments that are no UTF-8. Swift repairs them, and a file of the repaired name is another file.
  private static func checkArguments() throws {
    for number in 0..<Int(CommandLine.argc) {
      guard let start = CommandLine.unsafeArgv[number] else { continue }
      guard String(validatingCString: start) == nil else { continue }
      throw UsageError(
        "argument \(number), \(String(cString: start)), is not UTF-8; rename the file, or set the "
          + "terminal to UTF-8")
    }
  }

  /// Looks at the first words: each must be a subcommand of the one before, as far as these have any.
  private static func checkSubcommand<Root: ParsableCommand>(
    _ root: Root.Type, _ program: String, _ alone: (String, [String]) throws -> Bool
  ) throws {
    var (command, path): (any ParsableCommand.Type, String) = (root, program)
    let words = CommandLine.arguments.dropFirst()
    for (index, word) in zip(words.indices, words) {
      let subcommands = command.configuration.subcommands
      guard !subcommands.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
      if let next = subcommands.first(where: { $0._commandName == word }) {
        (command, path) = (next, path + " " + word)
        continue
      }
      if command == root, try alone(word, Array(words[(index + 1)...])) { leave(program, 0) }
      let meant = NameDistance.meant(by: word, among: subcommands.map { $0._commandName })
      throw UsageError(
        "\(word): no such command; "
          + (meant.map { "did you mean `\(path) \($0)`?" } ?? "`\(path) --help` lists them"))
    }
  }

  private static func leave<Root: ParsableCommand>(
    _ root: Root.Type, _ name: String, _ error: any Error
  ) -> Never {
    switch root.exitCode(for: error) {
    case .success:
      Console.write(root.fullMessage(for: error) + "\n", to: .output)
      leave(name, 0)
    case .validationFailure:
      Console.write(root.fullMessage(for: error) + "\n", to: .narration)
      leave(name, 2)
    default:
      if let failed = error as? ExitCode { leave(name, failed.rawValue) }
      Console.write("\(name): \(Console.message(for: error))\n", to: .narration)
      if let interrupted = error as? Interrupted { leave(name, 128 + interrupted.signal) }
      if let stopped = error as? Stopped { leave(name, 128 + stopped.signal) }
      leave(name, error is UsageError ? 2 : 1)
    }
  }

  /// Ends the process, with what happened to stdout in the status.
  private static func leave(_ name: String, _ status: Int32) -> Never {
    let failure = StandardStreams.closeOutput()
    guard status == 0, failure != 0 else { exit(status) }
    if failure == EPIPE {
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    }
    Console.note(
      "\(name): cannot write the results to stdout: \(String(cString: strerror(failure))); "
        + "make room, or send them elsewhere")
    exit(1)
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
