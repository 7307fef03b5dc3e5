import Archive
import ArgumentParser
import Console

/// `isotherm-plot FILE`: what can be drawn from a file, each with the command that draws it.
struct DrawableFigures: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "isotherm-plot", abstract: "List what can be drawn from a file.")

  @Argument(help: "Archive to read: NAME.h5 or NAME.run.")
  var file: String

  @OptionGroup var common: CommonOptions

  private struct Entry: Encodable {
    var figure: String
    var command: String
  }

  func run() throws {
    let reader = try RunReader(file)
    var entries: [Entry] = []
    for figure in Plot.figures where figure.kinds.contains(reader.kind) {
      let name = figure.configuration.commandName ?? ""
      // Those that have to be told what to draw are of summaries.
      guard
        try figure.needsNoChoice
          ? isDrawable(name) : reader.contains(Layout.Comparison.group)
      else { continue }
      entries.append(Entry(figure: figure.configuration.abstract, command: command(name)))
    }
    entries.append(
      Entry(
        figure: AnyCommand.configuration.abstract,
        command: command("any") + " --dataset /PATH"))
    if common.json { return try Console.output(json: ["figures": entries]) }
    var table = Table(["command", "shows"])
    for entry in entries { table.add([entry.command, entry.figure]) }
    Console.output(table.text)
    Console.note("\(reader.path): \(reader.title), of kind \(reader.kind.rawValue)")
  }

  private func command(_ name: String) -> String { "isotherm-plot \(name) \(file) -o \(name).png" }

  /// Whether the file has what the figure shows: it is made, and not stored.
  private func isDrawable(_ name: String) throws -> Bool {
    let arguments = [name, file, "-o", "x.png"]
    guard let command = try Plot.parseAsRoot(arguments) as? any FigureCommand else { return false }
    do {
      _ = try command.drawn()
      return true
    } catch let error as ArchiveError where error.code == .layout {
      return false
    } catch is UsageError {
      return false
    }
  }
}
