import Analyses
import Archive
import ArgumentParser
import Console
import Foundation

/// The arguments of every analysis.
struct AnalysisOptions: ParsableArguments {
  @Argument(help: "Archives to read: NAME.h5 or NAME.run, in any order.")
  var files: [String]

  @Option(name: [.customShort("o"), .customLong("output")], help: "Metrics file to write.")
  var output: String?

  @Flag(help: "Replace an existing metrics file.")
  var force = false

  @Flag(help: "Print comma-separated values with all digits.")
  var csv = false

  @Option(help: "Seed of the bootstrap.")
  var seed: UInt64 = 1

  @OptionGroup var common: CommonOptions

  /// Opens the archives, by kind.
  func open(_ kinds: [RunSchema.Kind]) throws -> Inputs {
    if let output { try OutputGuard(files).check(archive: output, replacing: force) }
    let readers = try files.map { try RunReader($0, expecting: kinds) }
    return Inputs(readers: readers)
  }

  /// Writes the metrics file when asked for, and prints the report.
  func finish(
    _ analysis: some Analysis, _ inputs: Inputs, title: String
  ) throws {
    var report = analysis.report()
    try inputs.checkMade()
    if let output {
      let sources = try inputs.sources()
      let provenance = Provenance(
        configuration: try configuration(report.name, inputs), seed: seed, blasCore: "",
        sources: sources)
      report.path = try Recorder.write(
        analysis.arrays(), kind: .metrics, title: title, provenance: provenance,
        to: RunPlace(output),
        replacing: force)
    }
    if common.json {
      try Console.output(json: report)
    } else {
      Console.output(csv ? report.csv : report.text)
      if let path = report.path { Console.note("wrote \(path)") }
    }
  }
}

extension AnalysisOptions {
  /// What was analysed, with the whole configuration of what it was computed from below `run`.
  private func configuration(_ name: String, _ inputs: Inputs) throws -> String {
    // Fields and estimates carry the configuration of their run with changes of their own.
    let source = inputs.readers.first { $0.kind != .run } ?? inputs.readers.first
    var text = "analysis: \(name)\nseed: \(seed)\n"
    let isOfOneRun = inputs.readers.filter { $0.kind == .run }.count == 1
    guard isOfOneRun || inputs.readers.count <= 2, let source,
      source.contains(Layout.Provenance.configuration),
      let yaml = try source.readTexts(Layout.Provenance.configuration).first, !yaml.isEmpty
    else { return text }
    text += try Origin(inputs.readers).yaml
    text += "run:\n"
    for line in yaml.split(separator: "\n") { text += "  \(line)\n" }
    return text
  }
}

/// The archives of one analysis.
struct Inputs {
  let readers: [RunReader]

  /// The archives as sources of provenance, with a line where what was read is not what a file says of itself.
  func sources() throws -> [Provenance.Source] {
    let sources = try readers.map { try $0.asSource() }
    for reader in readers { try reader.staleHashes().map { Console.note("warning: " + $0) } }
    return sources
  }

  /// Fields and estimates must be those of the run beside them as it is.
  func checkMade() throws {
    let runs = readers.filter { $0.kind == .run }
    for reader in readers where reader.kind != .run {
      for run in runs { try reader.checkMade(from: run) }
    }
  }

  /// The only archive of a kind.
  func one(_ kind: RunSchema.Kind) throws -> RunReader {
    let found = readers.filter { $0.kind == kind }
    guard let reader = found.first, found.count == 1 else {
      // What was made from a run knows its path.
      let source =
        found.isEmpty ? readers.lazy.compactMap { try? $0.sources().first?.path }.first : nil
      let remedy = source.map { "; pass \($0) too, which \(readers[0].path) was made from" } ?? ""
      throw UsageError(
        "expected exactly one archive of kind \(kind.rawValue), found \(found.count) among "
          + "\(readers.count) file\(readers.count == 1 ? "" : "s")\(remedy)")
    }
    return reader
  }

  /// The run, and the fields that were fitted to it when there are any.
  func runAndFields() throws -> (run: RunReader, fields: RunReader?) {
    let (run, fields) = try runAndAllFields()
    guard fields.count > 1 else { return (run, fields.first) }
    return (run, try one(.fields))
  }

  /// The run, and all fields that were fitted to it.
  func runAndAllFields() throws -> (run: RunReader, fields: [RunReader]) {
    let run = try one(.run)
    let fields = readers.filter { $0.kind == .fields }
    for fields in fields where try !fields.sources().contains(where: { $0.runID == run.runID }) {
      throw ArchiveError(
        .layout,
        "\(fields.path) was fitted to another run than \(run.path); "
          + "its sources are \(try fields.sources().map(\.path).joined(separator: ", "))")
    }
    return (run, fields)
  }
}
