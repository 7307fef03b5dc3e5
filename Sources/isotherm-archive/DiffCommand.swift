import Archive
import ArgumentParser
import Console

/// `isotherm-archive diff A B`
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two archives: provenance, arrays, values.",
    discussion:
      "Exit status 1 when an array differs; provenance and wall-clock seconds do not count.")

  @Argument(help: "First archive.")
  var first: String

  @Argument(help: "Second archive.")
  var second: String

  @Option(help: "Largest absolute difference that still counts as close.")
  var tolerance: Double = 0

  @OptionGroup var common: CommonOptions

  func run() throws {
    let difference = try ArchiveDifference(
      RunReader(first), RunReader(second), tolerance: tolerance)
    if common.json {
      try Console.output(json: difference)
    } else {
      var table = Table(["path", "verdict", "detail"])
      for item in difference.items where item.verdict != .equal {
        table.add([item.path, item.verdict.rawValue, item.detail])
      }
      let equal = difference.items.filter { $0.verdict == .equal }.count
      if equal < difference.items.count { Console.output(table.text + "\n") }
      Console.output("\(equal) of \(difference.items.count) items are equal")
    }
    if !difference.agrees { throw ExitCode(1) }
  }
}
