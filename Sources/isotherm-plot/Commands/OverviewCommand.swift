import Archive
import ArgumentParser
import Console
import Figures

/// `isotherm-plot overview RUN FIELDS ... -o OUT.png`
struct OverviewCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "overview",
    abstract: "A run on one page: answers, likeness, information, drift, maps on the input.",
    discussion: """
      Takes the run first, and in any order what was made of it: fields, information, metrics of `isotherm-analyze attention` and \
      `flow`. What is not given is left out. 180 mm wide.
      """)
  static let kinds: [RunSchema.Kind] = [.run]
  static let takesCompanions = true

  @OptionGroup var options: PlotOptions

  @Argument(help: "What was made of the run: fields, information, metrics.")
  var companions: [String] = []

  @Option(help: "Captured sample whose maps are drawn, from 0.")
  var sample = 0

  func make(_ source: FigureSource) throws -> Figure {
    let flow = source.beside(holding: Layout.Metrics.flow.prefix + "drift")
    let attention = source.beside(holding: Layout.Metrics.attention.prefix + "raw_cosine/value")
    let fields = source.beside.first { $0.reader.kind == .fields }
    let information = source.beside.first { $0.reader.kind == .information }
    let drift = try flow?.flowCurves("drift", first: 0) ?? []
    let similarity = try attention.map(Self.similarity) ?? []
    var equations: [String] = []
    for curve in drift + similarity
    where !curve.isNull && curve.name != "network" && !equations.contains(curve.name) {
      equations.append(curve.name)
    }
    var content = OverviewFigure.Content(equations: equations)
    (content.drift, content.similarity) = (drift, similarity)
    content.accuracy = try Self.accuracy(source)
    if let information {
      let found = try InformationPlaneCommand.content(information)
      // The first estimator that has something to tell.
      let known = found.planes.filter { !$0.label.isEmpty }
      content.plane = known.first { !$0.saturated.allSatisfy { $0 } } ?? known.first
      (content.depthTimes, content.informationSamples) = (found.times, found.samples)
    }
    if try !source.reader.layers(of: .map).isEmpty {
      let maps = try InputMaps(source, fields: fields, .init(sample: sample))
      content.input = (maps.input, maps.heads, sample)
      content.queries = maps.queries
    }
    guard content.accuracy != nil || content.input != nil else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds neither a training nor attention maps; `isotherm train STUDY.yaml -o NAME` makes them"
      )
    }
    return OverviewFigure.make(
      content, title: source.reader.title, theme: options.theme.theme)
  }

  private static func accuracy(_ source: FigureSource) throws -> OverviewFigure.Accuracy? {
    guard source.reader.contains(Layout.Progress.accuracy) else { return nil }
    func numbers(_ path: String) throws -> [Double] { try source.numbers(path).elements }
    let batches = Curve(
      "batches", try numbers(Layout.Progress.epoch), try numbers(Layout.Progress.accuracy))
    guard !batches.x.isEmpty else { return nil }
    let test = Curve(
      "test", try numbers(Layout.Checkpoints.epoch), try numbers(Layout.Checkpoints.testAccuracy))
    let classes = try source.classCount()
    return .init(batches: batches, test: test, chance: classes > 1 ? 1 / Double(classes) : nil)
  }

  private static func similarity(_ source: FigureSource) throws -> [Curve] {
    let group = Layout.Metrics.attention.prefix
    let path = group + "raw_cosine/"
    let layers = try source.integers(path + "layer").map(Double.init)
    let (value, lower, upper) = (
      try source.numbers(path + "value", axes: 2).rows,
      try source.numbers(path + "lower", axes: 2).rows,
      try source.numbers(path + "upper", axes: 2).rows
    )
    let isNull = try source.numbers(group + "candidate_is_null").elements
    return try source.texts(group + "candidate_name").enumerated().map { index, name in
      Curve(
        Words.candidate(name), layers, value[index], lower: lower[index], upper: upper[index],
        isNull: isNull[index] != 0)
    }
  }
}

extension FigureSource {
  /// The first of the further archives that holds an array.
  func beside(holding path: String) -> FigureSource? {
    beside.first { $0.reader.contains(path) }
  }
}
