import Arrays
import Foundation

/// The programs beside this one, run as a user would: through files.
public enum SiblingProgram {
  /// Where the program `name` lies.
  /// - Throws: ``SiblingError`` when it was not built.
  public static func find(_ name: String) throws -> URL {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let program = own.deletingLastPathComponent().appendingPathComponent(name)
    guard FileManager.default.isExecutableFile(atPath: program.path) else {
      throw SiblingError(
        message: "\(name) is missing beside \(own.path); build all products: swift build -c release"
      )
    }
    return program
  }

  /// Runs a program to its end and returns its stdout.
  public static func run(_ name: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = try find(name)
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let number = process.processIdentifier
    let unfinished = Unfinished { kill(number, SIGTERM) }
    defer { unfinished.done() }
    // Nothing these programs print fills a pipe but the table, which is read first.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let narration = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    // Ctrl-C reaches it as it reaches this program: that it ended is no failure of its own.
    try StopRequest.check()
    guard process.terminationStatus == 0 else {
      throw SiblingError(
        message: "\(name) \(arguments.joined(separator: " ")) failed: "
          + narration.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    return text
  }
}

/// A program that is missing or failed.
public struct SiblingError: Error, CustomStringConvertible {
  let message: String
  /// What happened.
  public var description: String { message }
}
