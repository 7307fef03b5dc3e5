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
    let printed = try ChildProgram.run(find(name).path, arguments)
    // Ctrl-C reaches it as it reaches this program: that it ended is no failure of its own.
    try StopRequest.check()
    guard printed.ending == .status(0) else {
      throw SiblingError(
        message: "\(name) \(arguments.joined(separator: " ")) failed: "
          + String(decoding: printed.errors, as: UTF8.self)
          .trimmingCharacters(in: .whitespacesAndNewlines))
    }
    return String(decoding: printed.output, as: UTF8.self)
  }
}

/// A program that is missing or failed.
public struct SiblingError: Error, CustomStringConvertible {
  let message: String
  /// What happened.
  public var description: String { message }
}
