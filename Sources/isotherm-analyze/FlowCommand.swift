import Analyses
import Archive
import ArgumentParser

/// `isotherm-analyze flow RUN [FIELDS...]`
struct FlowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flow",
    abstract: "Follow the residual stream over depth: norms, correlations, CKA, PDE state error.")

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.run, .fields])
    let (run, fields) = try inputs.runAndAllFields()
    let analysis = try FlowAnalysis(RunContent(run), fields, seed: options.seed)
    try options.finish(analysis, inputs, title: run.title)
  }
}
