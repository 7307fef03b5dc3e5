import Analyses
import Archive
import ArgumentParser
import Console

/// A command that computes metrics from archives, and says of which.
protocol AnalysisCommand: ParsableCommand {
  /// Kinds of archive it takes.
  static var takes: [RunSchema.Kind] { get }
  /// Its arguments in words: RUN, FIELDS, what may be left out in brackets.
  static var arguments: String { get }
  /// A group or array without which it says nothing of its first kind of archive; nil where the kind is enough.
  static var needs: String? { get }
  /// Whether it says something of fields that were fitted.
  static func takesFields(_ fields: RunReader) -> Bool
}

extension AnalysisCommand {
  static var needs: String? { nil }
  static func takesFields(_ fields: RunReader) -> Bool { true }

  /// The command for the archive `file`; nil where it computes nothing of it.
  static func line(_ file: String, _ reader: RunReader) -> String? {
    guard takes.contains(reader.kind) else { return nil }
    let isInput = takes.first == reader.kind
    if isInput, let needs, !reader.contains(needs) { return nil }
    if reader.kind == .fields, !takesFields(reader) { return nil }
    let words: [RunSchema.Kind: String] = [
      .run: "RUN", .fields: "FIELDS", .information: "INFORMATION", .metrics: "METRICS...",
    ]
    var line = arguments
    if let word = words[reader.kind] {
      line = line.replacing("[\(word)]", with: file).replacing(word, with: file)
    }
    if line == "PERTURBATION" { line = file }
    if reader.kind == .fields, let run = try? reader.sources().first?.path {
      line = line.replacing("RUN", with: run)
    }
    return "isotherm-analyze \(configuration.commandName ?? "") \(line)"
  }
}

/// `isotherm-analyze FILE`: what can be computed from a file, each with its command.
struct ComputableAnalyses: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "isotherm-analyze", abstract: "List what can be computed from a file.")

  @Argument(help: "Archive to read: NAME.h5 or NAME.run.")
  var file: String

  @OptionGroup var common: CommonOptions

  private struct Entry: Encodable {
    var analysis: String
    var command: String
  }

  func run() throws {
    let reader = try RunReader(file)
    let entries = Analyze.analyses.compactMap { analysis in
      analysis.line(file, reader).map {
        Entry(analysis: analysis.configuration.abstract, command: $0)
      }
    }
    guard !entries.isEmpty else {
      throw UsageError(
        "\(reader.path): nothing is computed from an archive of kind \(reader.kind.rawValue); `isotherm-archive ls \(file)` lists what it holds"
      )
    }
    if common.json { return try Console.output(json: ["analyses": entries]) }
    var table = Table(["command", "computes"])
    for entry in entries { table.add([entry.command, entry.analysis]) }
    Console.output(table.text)
    Console.note("\(reader.path): \(reader.title), of kind \(reader.kind.rawValue)")
  }
}
