import Console
import Foundation

/// The reading programs, beside this one: the demo uses them as a user would, through files.
struct Readers {
  private let folder: URL

  /// Finds the programs.
  init() throws {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    folder = own.deletingLastPathComponent()
    for name in ["isotherm-analyze", "isotherm-plot"] {
      guard FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent(name).path)
      else {
        throw ReaderError(
          message:
            "\(name) is missing beside \(own.path); build all products: swift build -c release")
      }
    }
  }

  /// Runs a program to its end and returns its stdout.
  func run(_ name: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = folder.appendingPathComponent(name)
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Nothing these programs print fills a pipe but the table, which is read first.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let narration = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ReaderError(
        message: "\(name) \(arguments.joined(separator: " ")) failed: "
          + narration.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    return text
  }
}

/// A reading program that is missing or failed.
struct ReaderError: Error, CustomStringConvertible {
  let message: String
  var description: String { message }
}
