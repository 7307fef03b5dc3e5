import Analyses
import Archive
import ArgumentParser
import Console

/// `isotherm-analyze compare METRICS... [-o SUMMARY]`
struct CompareCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Pool metrics of several runs: means over seeds with intervals, variant by variant.",
    discussion: """
      Takes metrics files that other analyses wrote (-o), and sorts them by the keys in which the configurations of their runs \
      differ; runs that differ in the seed only are pooled. Intervals are 95 % by Student's t over seeds. A summary that was \
      written is shown again when it is the only file.
      """)

  static let takes: [RunSchema.Kind] = [.metrics]
  static let arguments = "METRICS..."

  @OptionGroup var options: AnalysisOptions

  @Option(
    name: .customLong("metric"),
    help: "Metric or group to show, for example attention/raw_cosine/value; may be repeated.")
  var metrics: [String] = []

  @Option(
    name: .customLong("where"),
    help: "Show these places alone, AXIS=LABEL, for example trajectory=network; may be repeated.")
  var places: [String] = []

  @Flag(help: "Print Markdown tables.")
  var markdown = false

  func run() throws {
    let inputs = try options.open([.metrics])
    if let summary = inputs.readers.first, inputs.readers.count == 1,
      summary.contains(Layout.Comparison.variantName)
    {
      guard options.output == nil else {
        throw UsageError("-o: \(summary.path) is a summary already; leave -o out to see it")
      }
      return try show(MetricSummary(summary))
    }
    let files = try ComparedFiles(inputs.readers)
    for warning in files.warnings { Console.note("warning: " + warning) }
    let comparison = try Comparison(files)
    guard let output = options.output else {
      throw UsageError(
        "-o NAME is missing: the summary is written, then shown with compare NAME.h5")
    }
    let provenance = Provenance(
      configuration:
        "analysis: compare\nby: [\(comparison.keys.joined(separator: ", "))]\nwarnings: "
        + (try Console.encode(files.warnings)) + "\n",
      seed: options.seed, blasCore: "", sources: try inputs.readers.map { try $0.asSource() })
    let path = try Recorder.write(
      comparison.arrays(), kind: .metrics, title: inputs.readers.first?.title ?? "",
      provenance: provenance, to: RunPlace(output), replacing: options.force)
    for omission in comparison.omissions { Console.note("left out \(omission)") }
    if metrics.isEmpty {
      var report = try overview(comparison, MetricSummary(RunReader(path)))
      report.path = path
      return try tell(report)
    }
    try show(MetricSummary(RunReader(path)))
  }

  private func tell(_ report: Report) throws {
    if options.common.json { return try Console.output(json: report) }
    Console.output(options.csv ? report.csv : report.text)
    if let path = report.path { Console.note("wrote \(path)") }
  }

  private func overview(_ comparison: Comparison, _ summary: MetricSummary) throws -> Report {
    var report = Report("compare", [("variant", "variant"), ("seeds", "seeds")])
    for (name, seeds) in zip(comparison.variants, comparison.seeds) {
      report.add([.text(name), .text(seeds.joined(separator: " "))])
    }
    report.notes = [
      "\(comparison.metrics.count) metrics; compare SUMMARY.h5 --metric NAME shows one. Intervals: 95 % by Student's t over seeds."
    ]
    report.notes += comparison.omissions.map { "left out \($0)." }
    report.notes += try SeedGaps(summary).overview()
    return report
  }

  /// What `--where` names, as axis and label.
  private func chosenPlaces() throws -> [(axis: String, label: String)] {
    try places.map { place in
      let pair = place.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2 else {
        throw UsageError("--where \(place): expected AXIS=LABEL, for example trajectory=network")
      }
      return (pair[0], pair[1])
    }
  }

  private func show(_ summary: MetricSummary) throws {
    let places = try chosenPlaces()
    let chosen =
      try metrics.isEmpty
      ? summary.metrics() : metrics.flatMap { try summary.metrics(matching: $0) }
    let gaps = try SeedGaps(summary)
    if options.common.json || options.csv {
      let report = try long(summary, chosen, places, gaps)
      if options.csv { for note in report.notes { Console.note(note) } }
      return try tell(report)
    }
    for name in chosen {
      let shown = try summary.metric(name)
      try shown.check(places, name: name)
      let (header, rows) = shown.wide(places)
      let notes = gaps.notes(shown, places)
      let unit = shown.units == "1" ? "" : ", \(shown.units)"
      if markdown {
        Console.output("\(shown.longName)\(unit):\n")
        Console.output("| " + header.joined(separator: " | ") + " |")
        Console.output("|" + header.map { _ in "---|" }.joined())
        for row in rows { Console.output("| " + row.joined(separator: " | ") + " |") }
        Console.output(notes.map { "\n\($0)" }.joined())
      } else {
        var table = Table(header)
        for row in rows { table.add(row) }
        Console.output(
          "\(name): \(shown.longName)\(unit)\n\(table.text)\n" + notes.map { "\($0)\n" }.joined())
      }
    }
  }

  /// One row a cell.
  private func long(
    _ summary: MetricSummary, _ chosen: [String], _ places: [(axis: String, label: String)],
    _ gaps: SeedGaps
  ) throws -> Report {
    var report = Report(
      "compare",
      [
        ("metric", "metric"), ("variant", "variant"), ("place", "place"), ("value", "value"),
        ("lower", "2.5 %"), ("upper", "97.5 %"), ("units", "units"), ("finite", "finite"),
        ("seeds", "seeds"),
      ])
    for name in chosen {
      let shown = try summary.metric(name)
      try shown.check(places, name: name)
      report.notes += gaps.notes(shown, places).map { "\(name): \($0)" }
      for row in shown.rows where shown.contains(row.labels, places) {
        let place = zip(shown.axes, row.labels).dropFirst().map { "\($0.name)=\($1)" }
        report.add([
          .text(name), .text(row.labels.first ?? ""), .text(place.joined(separator: " ")),
          .number(row.mean, digits: 4), .number(row.lower, digits: 4),
          .number(row.upper, digits: 4), .text(shown.units), .integer(row.finite),
          .integer(row.seeds),
        ])
      }
    }
    return report
  }
}
