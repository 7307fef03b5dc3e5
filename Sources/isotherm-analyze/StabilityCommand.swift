import Analyses
import Archive
import ArgumentParser

/// `isotherm-analyze stability RUN [FIELDS]`
struct StabilityCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "stability",
    abstract: "Does it train, drift, explode, collapse? Network, and equations in its place.",
    discussion: """
      Takes a run that captured residual.0.pre and residual.*.post, and an equation that learned the task (isotherm fit RUN --set \
      pde.objective=task --set pde.every=epoch). compare pools several.
      """)

  static let takes: [RunSchema.Kind] = [.run, .fields]
  static let arguments = "RUN [FIELDS]"
  static let needs: String? = Layout.Progress.loss

  static func takesFields(_ fields: RunReader) -> Bool { fields.contains(Layout.Training.group) }

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.run, .fields])
    let (run, fields) = try inputs.runAndFields()
    let analysis = try StabilityAnalysis(RunContent(run), fields)
    try options.finish(analysis, inputs, title: run.title)
  }
}
