import Analyses
import Archive
import ArgumentParser
import Console

/// `isotherm-analyze perturbation FILE`
struct PerturbationCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "perturbation",
    abstract: "Growth of perturbations over depth, network and PDE, and what they change.",
    discussion: """
      Takes an archive of `isotherm perturb`. Growth is the geometric mean over samples of the change of the state over that at \
      depth 0; its logarithm at t = 1 is the finite-time Lyapunov exponent.

      Of a network that is not there, takes captures: first those of the samples as they are, then those of the same samples perturbed, \
      one archive for each perturbation (isotherm-analyze perturbation CLEAN PERTURBED...).
      """)

  static let takes: [RunSchema.Kind] = [.fields]
  static let arguments = "PERTURBATION"
  static let needs: String? = Layout.Perturbation.growth

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.fields, .run])
    if let clean = inputs.readers.first, clean.kind == .run { return try compare(clean, inputs) }
    let reader = try inputs.one(.fields)
    guard reader.contains(Layout.Perturbation.growth) else {
      throw ArchiveError(
        .layout, "\(reader.path): holds no perturbations; `isotherm perturb RUN -o NAME` makes them"
      )
    }
    let analysis = try PerturbationAnalysis(reader, seed: options.seed)
    try options.finish(analysis, inputs, title: reader.title)
  }

  private func compare(_ clean: RunReader, _ inputs: Inputs) throws {
    let perturbed = Array(inputs.readers.dropFirst())
    guard !perturbed.isEmpty, perturbed.allSatisfy({ $0.kind == .run }) else {
      throw UsageError(
        "\(clean.path) is a run: pass what isotherm perturb made of it, or captures of the same samples, clean ones first and then "
          + "perturbed ones")
    }
    let analysis = PerturbationAnalysis(
      try CapturedPerturbation(clean, perturbed), seed: options.seed)
    try options.finish(analysis, inputs, title: clean.title)
  }
}
