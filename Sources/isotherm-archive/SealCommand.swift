import Archive
import ArgumentParser
import Console
import Foundation

/// `isotherm-archive seal NAME.run`
struct SealCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "seal",
    abstract: "Join the parts of an interrupted run into one self-contained file.",
    discussion: """
      For a run that will not be resumed. Everything that was committed is kept; whole chunks are copied as \
      they are stored.
      """)

  @Argument(help: "Folder of parts: NAME.run.")
  var folder: String

  @Flag(help: "Keep the folder of parts.")
  var keepParts = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    let place = RunPlace(folder)
    guard !place.isSealed else {
      throw ArchiveError(
        .exists,
        "\(place.file) exists already; `isotherm-archive recover` removes a folder that is "
          + "no longer needed")
    }
    guard place.hasFolder else {
      throw ArchiveError(.refused, "\(place.folder) does not exist; check the path")
    }
    let path = try Recorder.takeOver(place).seal(keepingParts: keepParts)
    if common.json { try Console.output(json: ["path": path]) } else { Console.output(path) }
  }
}

/// `isotherm-archive recover NAME`
struct RecoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "Bring what a crash left into order, without losing anything acknowledged.",
    discussion: """
      Removes temporary files and halves of a seal, writes the index anew from the whole parts, and removes \
      a folder whose sealed file is there. The run can then be read, resumed or sealed.
      """)

  @Argument(help: "Archive: NAME, NAME.h5 or NAME.run.")
  var name: String

  @OptionGroup var common: CommonOptions

  func run() throws {
    let done = try ArchiveRecovery.run(RunPlace(name))
    if common.json { return try Console.output(json: ["done": done]) }
    for line in done { Console.output(line) }
    if done.isEmpty { Console.output("nothing to do: all is in order") }
  }
}
