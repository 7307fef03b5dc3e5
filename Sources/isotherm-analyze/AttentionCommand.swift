import Analyses
import Archive
import ArgumentParser
import Console

/// `isotherm-analyze attention RUN FIELDS...`
struct AttentionCommand: AnalysisCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Compare PDE and network attention per layer and head, beside every null.",
    discussion: """
      Takes a training run and the fields fitted to it, in one archive or several. Nulls: the uniform map; the position-only \
      map (mean over the fit samples); an untrained network's map of the same sample; the map of \
      another sample. Intervals are 95 % by bootstrap over held-out samples. Of captures that were made elsewhere, nulls that they \
      do not hold are left out and named.
      """)

  static let takes: [RunSchema.Kind] = [.run, .fields]
  static let arguments = "RUN FIELDS"
  static let needs: String? = Layout.attention

  static func takesFields(_ fields: RunReader) -> Bool {
    let models = (try? fields.names(in: Layout.Fields.group)) ?? []
    return models.contains { fields.contains(Layout.Fields($0).attention) }
  }

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.run, .fields])
    let (run, fields) = try inputs.runAndAllFields()
    guard !fields.isEmpty else {
      throw UsageError(
        "expected a run and the fields fitted to it; `isotherm fit RUN -o NAME` makes them")
    }
    let analysis = try AttentionAnalysis(RunContent(run), fields, seed: options.seed)
    try options.finish(analysis, inputs, title: run.title)
  }
}
