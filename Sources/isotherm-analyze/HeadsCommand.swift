import Archive
import Analyses
import ArgumentParser

/// `isotherm-analyze heads NET|CAPTURE...`
struct HeadsCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "heads",
    abstract: "What each attention head does: copying, composition, induction, where it looks.",
    discussion: """
      Of an archive with weights (a run, or what isotherm import wrote): OV copying, and query, key and value composition with heads of \
      earlier layers. Of one with attention maps (a run, or a capture): attention to the previous and the first position, induction where \
      the samples repeat their tokens, entropy and distance. Nulls: random heads of the same shape, the uniform map, the untrained network.
      """)

  static let takes: [RunSchema.Kind] = [.run]
  static let arguments = "RUN"

  @OptionGroup var options: AnalysisOptions

  @Option(help: "Number of the checkpoint, from 0 (default: the last).")
  var checkpoint: Int?

  func run() throws {
    let inputs = try options.open([.run])
    let analysis = try HeadsAnalysis(
      inputs.readers, checkpoint: checkpoint, seed: options.seed)
    try options.finish(
      analysis, inputs, title: inputs.readers.map(\.title).joined(separator: ", "))
  }
}
