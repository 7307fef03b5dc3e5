import Analyses
import Archive
import ArgumentParser

/// `isotherm-analyze weights RUN...`
struct WeightsCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights",
    abstract: "Spectra of every weight matrix at every checkpoint: power law, ranks, spikes.",
    discussion: """
      Takes runs, trained here or imported (isotherm import). Each matrix is set beside its null: one of independent Gaussian elements of \
      the same shape and norm. --changes compares the checkpoints instead: drift, CKA, Procrustes distance and direction of every matrix \
      against the first checkpoint, or with --against against the last one of another archive.
      """)

  static let takes: [RunSchema.Kind] = [.run]
  static let arguments = "RUN"
  static let needs: String? = Layout.Checkpoints.parameters

  @OptionGroup var options: AnalysisOptions

  @Flag(help: "How matrices change between checkpoints, in place of their spectra.")
  var changes = false

  @Option(
    help: ArgumentHelp("Compare with the last checkpoint of this archive.", valueName: "archive"))
  var against: String?

  func validate() throws {
    guard against == nil || changes else {
      throw ValidationError("--against says what changes are measured from; pass --changes too")
    }
  }

  func run() throws {
    let inputs = try options.open([.run])
    let title = inputs.readers.map(\.title).joined(separator: ", ")
    guard changes else {
      return try options.finish(
        try WeightsAnalysis(inputs.readers, seed: options.seed), inputs, title: title)
    }
    let other = try against.map { try RunReader($0, expecting: [.run]) }
    if let output = options.output, let against {
      try OutputGuard([against]).check(archive: output, replacing: options.force)
    }
    let analysis = try WeightChangesAnalysis(
      inputs.readers, against: other, seed: options.seed)
    try options.finish(
      analysis, Inputs(readers: inputs.readers + [other].compactMap { $0 }), title: title)
  }
}
