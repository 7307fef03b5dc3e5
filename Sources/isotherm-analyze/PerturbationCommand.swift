import Analyses
import Archive
import ArgumentParser

/// `isotherm-analyze perturbation FILE`
struct PerturbationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perturbation",
    abstract: "Growth of perturbations over depth, network and PDE, and what they change.",
    discussion: """
      Takes an archive of `isotherm perturb`. Growth is the geometric mean over samples of the change of the state over that at \
      depth 0; its logarithm at t = 1 is the finite-time Lyapunov exponent.
      """)

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.fields])
    let reader = try inputs.one(.fields)
    guard reader.contains(Layout.Perturbation.growth) else {
      throw ArchiveError(
        .layout, "\(reader.path): holds no perturbations; `isotherm perturb RUN -o NAME` makes them"
      )
    }
    let analysis = try PerturbationAnalysis(reader, seed: options.seed)
    try options.finish(analysis, inputs, title: reader.title)
  }
}
