import Archive
import ArgumentParser
import Console

extension ChunkPattern: ExpressibleByArgument {}

/// `isotherm-archive repack FILE -o OUT`
struct RepackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repack",
    abstract: "Write an archive anew with other chunks or compression.",
    discussion: """
      Values, logical hashes, run id and provenance stay. --for sample suits reading single samples through all \
      checkpoints, layer reading whole layers of one checkpoint, write (the default of every run) reading \
      checkpoints in order. Chunks that stay as they are, are copied as they are stored.
      """)

  @Argument(help: "Archive: NAME.h5 or NAME.run.")
  var file: String

  @Option(name: [.customShort("o"), .customLong("output")], help: "Archive to write: NAME.h5.")
  var output: String

  @Option(name: .customLong("for"), help: "What chunks are cut for: write, sample or layer.")
  var pattern: ChunkPattern?

  @Option(help: "none, or gzip-1 to gzip-9 with shuffle and checksums.")
  var compression: String?

  @Option(
    help: "Arrays to keep, by path; * stands for anything. May be given several times.")
  var select: [String] = []

  @Flag(help: "Replace an existing archive.")
  var force = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    var options = ArchiveRewriter.Options()
    (options.pattern, options.selection) = (pattern, select)
    options.filters = try filters()
    let place = RunPlace(output)
    try OutputGuard([file]).check(archive: output, replacing: force)
    let notes = try ArchiveRewriter([RunReader(file)], options).write(
      to: place.file, replacing: force)
    try Rewritten(path: place.file, notes: notes).tell(common)
  }

  private func filters() throws -> ArraySchema.Filters? {
    guard let compression else { return nil }
    if compression == "none" { return ArraySchema.Filters.none }
    guard compression.hasPrefix("gzip-"), let level = Int(compression.dropFirst(5)),
      (1...9).contains(level)
    else {
      throw UsageError("--compression: expected none or gzip-1 to gzip-9, found \(compression)")
    }
    return ArraySchema.Filters(shuffle: true, deflate: level, fletcher32: true)
  }
}

/// `isotherm-archive merge RANK... -o OUT`
struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Join the archives that several ranks of one run wrote.",
    discussion: """
      Each rank records an archive of its own, sealed or not; arrays that have the axis are joined along it in the \
      order of the arguments, all others must be equal in every rank. The ranks become the sources of the whole.
      """)

  @Argument(help: "Archives of the ranks, in order.")
  var files: [String]

  @Option(help: "Axis along which the ranks share the work.")
  var along = "sample"

  @Option(name: [.customShort("o"), .customLong("output")], help: "Archive to write: NAME.h5.")
  var output: String

  @Option(
    help: "Arrays to keep, by path; * stands for anything. May be given several times.")
  var select: [String] = []

  @Flag(help: "Replace an existing archive.")
  var force = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    guard files.count > 1 else {
      throw UsageError("merge takes the archives of two ranks or more, found \(files.count)")
    }
    var options = ArchiveRewriter.Options()
    options.selection = select
    let place = RunPlace(output)
    try OutputGuard(files).check(archive: output, replacing: force)
    let notes = try ArchiveRewriter(files.map { try RunReader($0) }, along: along, options).write(
      to: place.file, replacing: force)
    try Rewritten(path: place.file, notes: notes).tell(common)
  }
}

/// A file that was written anew, and what has to be said of it.
private struct Rewritten: Encodable {
  var path: String
  var notes: [String]

  func tell(_ common: CommonOptions) throws {
    for note in notes { Console.note(note) }
    if common.json { try Console.output(json: self) } else { Console.output(path) }
  }
}
