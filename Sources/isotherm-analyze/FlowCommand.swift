import Analyses
import Archive
import ArgumentParser

/// `isotherm-analyze flow RUN [FIELDS...]`
struct FlowCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "flow",
    abstract: "Follow the residual stream over depth: norms, correlations, CKA, PDE state error.")

  static let takes: [RunSchema.Kind] = [.run, .fields]
  static let arguments = "RUN [FIELDS]"
  static let needs: String? = Layout.activations

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.run, .fields])
    let (run, fields) = try inputs.runAndAllFields()
    let analysis = try FlowAnalysis(RunContent(run), fields, seed: options.seed)
    try options.finish(analysis, inputs, title: run.title)
  }
}
