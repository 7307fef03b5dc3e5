import Analyses
import Archive
import ArgumentParser

/// `isotherm-analyze weights RUN...`
struct WeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights",
    abstract: "Spectra of every weight matrix at every checkpoint: power law, ranks, spikes.",
    discussion: """
      Takes runs, trained here or imported (isotherm import). Each matrix is set beside its null: one of independent Gaussian elements of \
      the same shape and norm.
      """)

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.run])
    let analysis = try WeightsAnalysis(inputs.readers, seed: options.seed)
    let title = inputs.readers.map(\.title).joined(separator: ", ")
    try options.finish(analysis, inputs, title: title)
  }
}
