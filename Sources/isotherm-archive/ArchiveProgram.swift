import Archive
import ArgumentParser
import Console

@main
enum Main {
  static func main() { Program.main(ArchiveProgram.self, version: ProgramHome.versionText()) }
}

/// Looks after archives.
struct ArchiveProgram: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "isotherm-archive",
    abstract: "Look after archives: list, check, compare, mend, export, repack.",
    version: Provenance.version,
    subcommands: [
      ListCommand.self, CheckCommand.self, DiffCommand.self, RecoverCommand.self, SealCommand.self,
      ExportCommand.self, RepackCommand.self, MergeCommand.self, CatalogCommand.self,
    ])
}
