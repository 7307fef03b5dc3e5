import Analyses
import Archive
import ArgumentParser

/// `isotherm-analyze bottleneck INFORMATION`
struct BottleneckCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "bottleneck",
    abstract: "Compression and label information per depth over training, beside their nulls.",
    discussion: """
      Takes an archive of `isotherm inform`: of a network, and of equations that learned the task when it was made with --fields of \
      such a fit (pde.objective=task, pde.every=epoch).
      """)

  static let takes: [RunSchema.Kind] = [.information]
  static let arguments = "INFORMATION"

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.information])
    let reader = try inputs.one(.information)
    let analysis = try BottleneckAnalysis(reader)
    try options.finish(analysis, inputs, title: reader.title)
  }
}
