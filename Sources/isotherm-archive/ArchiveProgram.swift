import ArgumentParser
import Console

@main
enum Main {
  static func main() { Program.main(ArchiveProgram.self) }
}

/// Looks after archives.
struct ArchiveProgram: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "isotherm-archive",
    abstract: "Look into archives.",
    version: "0.1.0",
    subcommands: [ListCommand.self])
}
