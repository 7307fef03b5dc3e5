import Archive
import ArgumentParser
import Console
import Figures

/// `isotherm-plot catalog SUMMARY --metric NAME --key KEY -o OUT.png`
struct CatalogCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog", abstract: "A metric of many runs against a key of their configuration.",
    discussion: """
      Takes a summary; the runs that agree in all other keys are joined. Of a metric along axes, --at names the place, as \
      --at trajectory=network,depth_time=1 (default: the first place of each).
      """)
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "a summary of `isotherm-analyze compare` or `isotherm study`"
  static let madeBy: String? = "isotherm-analyze compare METRICS... -o NAME"
  static let needsNoChoice = false

  @OptionGroup var options: PlotOptions

  @Option(help: "Metric, for example stability/test_accuracy.")
  var metric: String

  @Option(help: "Key of the configuration in which the runs differ, for example model.norm.")
  var key: String

  @Option(help: "Places along the metric's axes, AXIS=LABEL, separated by commas.")
  var at: String?

  func make(_ source: FigureSource) throws -> Figure {
    let summary = try MetricSummary(source.reader)
    guard let values = try summary.values(of: key) else {
      let keys = try summary.keys()
      throw UsageError(
        "--key \(key): the runs "
          + (keys.isEmpty
            ? "differ in their seeds only" : "differ in \(keys.joined(separator: ", "))"))
    }
    let found = try summary.metrics(matching: metric)
    guard found.count == 1 else {
      throw UsageError("--metric \(metric): name one of \(found.joined(separator: ", "))")
    }
    let shown = try summary.metric(found[0])
    for path in shown.paths + [Layout.Comparison.keyName, Layout.Comparison.keyValue] {
      source.note(path)
    }
    let (offset, place) = try offset(shown)
    let keys = try summary.keys()
    let others = try keys.filter { $0 != key }.map { ($0, try summary.values(of: $0) ?? []) }
    let cells = shown.mean.count / max(1, values.count)
    var groups: [(name: String, points: [CatalogFigure.Point])] = []
    for variant in values.indices {
      let name = others.map {
        Words.setting($0.0.split(separator: ".").last.map(String.init) ?? $0.0, $0.1[variant])
      }.joined(separator: ", ")
      let index = variant * cells + offset
      let point = CatalogFigure.Point(
        key: values[variant], mean: shown.mean[index], lower: shown.lower[index],
        upper: shown.upper[index],
        seeds: (0..<shown.seedCount).map {
          shown.seeds[(variant * shown.seedCount + $0) * cells + offset]
        })
      if let group = groups.firstIndex(where: { $0.name == name }) {
        groups[group].points.append(point)
      } else {
        groups.append((name, [point]))
      }
    }
    let metric = Words.metric(found[0])
    let words =
      metric.prefix(1).uppercased() + metric.dropFirst()
      + (shown.units == "1" ? "" : " [\(shown.units)]")
    let last = key.split(separator: ".").last.map(String.init) ?? key
    return CatalogFigure.make(
      groups, key: Words.key(key), metric: words + (place.isEmpty ? "" : ", \(place)"),
      words: { Words.setting(last, $0) }, seeds: shown.seedCount,
      bounds: Words.bounds(found[0]),
      title: "\(words) by \(Words.key(key)): \(source.reader.title)", theme: options.theme.theme)
  }

  /// Where the chosen place lies among a variant's cells, and what it is called.
  private func offset(_ metric: MetricSummary.Metric) throws -> (Int, String) {
    var wanted: [String: String] = [:]
    for part in (at ?? "").split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2, metric.axes.dropFirst().contains(where: { $0.name == pair[0] }) else {
        throw UsageError(
          "--at \(part): expected AXIS=LABEL; the axes are "
            + metric.axes.dropFirst().map(\.name).joined(separator: ", "))
      }
      wanted[pair[0]] = pair[1]
    }
    var (offset, words) = (0, [String]())
    for (axis, labels) in zip(metric.axes, metric.labels).dropFirst() {
      var place = 0
      if let label = wanted[axis.name] {
        guard let found = labels.firstIndex(of: label) else {
          throw UsageError(
            "--at \(axis.name)=\(label): there are \(labels.joined(separator: ", "))")
        }
        place = found
      }
      offset = offset * axis.length + place
      if axis.length > 1 {
        words.append("\(axis.name.replacing("_", with: " ")) \(Words.candidate(labels[place]))")
      }
    }
    return (offset, words.joined(separator: ", "))
  }
}
