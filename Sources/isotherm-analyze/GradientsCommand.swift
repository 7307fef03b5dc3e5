import Analyses
import Archive
import ArgumentParser

/// `isotherm-analyze gradients RUN [FIELDS]`
struct GradientsCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradients",
    abstract: "Gradients over depth and training, network and PDE: size, spread, vanishing.",
    discussion: """
      Takes a run, and an equation that learned the task (isotherm fit RUN --set pde.objective=task --set pde.every=epoch). Gradients of each \
      sample's own loss with respect to the residual stream need capture.taps gradient.residual.0.pre and \
      gradient.residual.*.post; the parameters of an equation are shared over depth, so that these are what can be set side by side.
      """)

  static let takes: [RunSchema.Kind] = [.run, .fields]
  static let arguments = "RUN [FIELDS]"
  static let needs: String? = TapName(.residualPre, layer: 0, isGradient: true).path

  static func takesFields(_ fields: RunReader) -> Bool { fields.contains(Layout.Training.group) }

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.run, .fields])
    let (run, fields) = try inputs.runAndFields()
    let analysis = try GradientsAnalysis(RunContent(run), fields)
    try options.finish(analysis, inputs, title: run.title)
  }
}
