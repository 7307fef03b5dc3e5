import Analyses
import Archive
import ArgumentParser
import Console

/// `isotherm-analyze lens CAPTURE [NET]`
struct LensCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "lens",
    abstract: "Logit lens: what the network would answer after each layer.",
    discussion: """
      Takes a run, or a capture with residual.0.pre and residual.*.post and the network it is of, which is looked for where the \
      capture says it was and may be named too. Every state goes through the final norm and the scores' matrix. Right is \
      the next token of a causal network, the token itself of a masked one, the label of a classifier. Nulls: right answers dealt anew, \
      a random matrix, the untrained network.
      """)

  static let takes: [RunSchema.Kind] = [.run]
  static let arguments = "RUN"
  static let needs: String? = Layout.activations

  @OptionGroup var options: AnalysisOptions

  @Option(help: "Number of the checkpoint of the states, from 0 (default: the last).")
  var checkpoint: Int?

  @Option(help: "Samples at most (default: all).")
  var samples: Int?

  func validate() throws {
    if let samples, samples < 1 {
      throw ValidationError("--samples: expected at least 1, found \(samples)")
    }
  }

  func run() throws {
    let given = try options.open([.run]).readers
    guard given.count < 3 else {
      throw UsageError("expected a capture and perhaps its network, found \(given.count) archives")
    }
    let capture = try given.first { try !$0.layers(of: .residualPost).isEmpty } ?? given[0]
    let network = try given.first { $0.path != capture.path } ?? self.network(of: capture)
    guard
      try capture.path == network.path
        || capture.sources().contains(where: { $0.runID == network.runID })
    else {
      throw UsageError(
        "\(capture.path) was not captured from \(network.path); name the network that it is of, or leave it out"
      )
    }
    let inputs = Inputs(readers: capture.path == network.path ? [capture] : [capture, network])
    let analysis = try LensAnalysis(
      capture: capture, network: network, checkpoint: checkpoint, limit: samples,
      seed: options.seed)
    try options.finish(analysis, inputs, title: capture.title)
  }

  /// The archive with the weights: the capture itself, or the one it says it was made from.
  private func network(of capture: RunReader) throws -> RunReader {
    if capture.contains(Layout.Checkpoints.parameters) { return capture }
    for source in try capture.sources() where RunPlace(source.path).isSealed {
      guard let reader = try? RunReader(source.path), reader.runID == source.runID,
        reader.contains(Layout.Checkpoints.parameters)
      else { continue }
      return reader
    }
    throw UsageError(
      "\(capture.path): the network it was captured from is not where it was; name its archive too: lens \(capture.path) NETWORK"
    )
  }
}
